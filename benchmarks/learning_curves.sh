#!/usr/bin/env bash
# Learning curves: accuracy with 16 to 256 training rows. Every flag of learning_curves.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module benchmarks.learning_curves --seeds 0 1 2 "$@"
