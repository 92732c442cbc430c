#!/usr/bin/env bash
# Pretraining: the successor of lift-tiny from synthetic tables, about six hours on one core; gpu as the first word: a billion tokens. Flags of train.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../utils/env.sh" requirements.txt
run_module others.pretraining.train "$@"
