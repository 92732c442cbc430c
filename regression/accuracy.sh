#!/usr/bin/env bash
# Regression error: LIFT beside the classical learners, the paper's three seeds. Every flag of accuracy.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.accuracy --seeds 0 1 2 "$@"
