#!/usr/bin/env bash
# Pretraining: lift-context from synthetic tables, about six hours on one core with --stop 50000; gpu as the first word: a billion tokens. Flags of train.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../utils/env.sh" requirements.txt
run_module others.pretraining.train "$@"
