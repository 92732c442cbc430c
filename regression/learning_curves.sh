#!/usr/bin/env bash
# Learning curves: six functions, 100 epochs at three learning rates, with and without noise on the training rows, three seeds. Every flag of learning_curves.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.learning_curves --datasets synthetic --epochs 100 --rates 2e-3 1e-3 5e-4 --seeds 0 1 2 "$@"
