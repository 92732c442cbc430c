#!/usr/bin/env bash
# Noise: levels .1 to .8 on linear and quadratic functions of one input and of two, the paper's learners. Every flag of noise.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.noise --datasets linear quadratic linear:p=2 quadratic:p=2 --seeds 0 1 2 \
  --methods polynomial kernel_ridge knn mlp gbt forest gp xgboost lift "$@"
