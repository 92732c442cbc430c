#!/usr/bin/env bash
# The mark of a pretraining run: its newest checkpoint in context beside classical learners, some minutes. Flags of mark.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../utils/env.sh" requirements.txt
run_module others.pretraining.mark "$@"
