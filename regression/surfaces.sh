#!/usr/bin/env bash
# Surfaces: six functions of two inputs, 200 to 1000 training rows, 60 × 60 points. Every flag of surfaces.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.surfaces --datasets synthetic --rows 200 300 500 1000 --points 60 --seeds 0 1 2 \
  --methods polynomial kernel_ridge knn mlp gbt forest gp xgboost lift "$@"
