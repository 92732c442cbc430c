#!/usr/bin/env bash
# Outliers: 0 to 20 % of them, of one and of both signs, six functions, the paper's learners and robust ones. Every flag of outliers.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.outliers --datasets synthetic --signs positive both --seeds 0 1 2 \
  --methods polynomial kernel_ridge knn median_knn mlp gbt gbt_huber forest gp xgboost lift "$@"
