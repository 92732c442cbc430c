#!/usr/bin/env bash
# Decoding: six functions of one input and of two, and the diabetes table, read in six ways. Every flag of decoding.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.decoding --datasets functions diabetes --methods gp xgboost lift --samples 20 --seeds 0 1 2 "$@"
