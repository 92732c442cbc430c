#!/usr/bin/env bash
# Extrapolation: six functions of one input, asked from -20 to 20. Every flag of extrapolation.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.extrapolation --datasets synthetic --points 201 --seeds 0 1 2 \
  --methods mean polynomial kernel_ridge knn mlp gbt forest gp xgboost lift \
  lift:numbers=significant,digits=3,decoding=greedy lift:numbers=paper,decoding=greedy "$@"
