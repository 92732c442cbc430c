#!/usr/bin/env bash
# Interpolation: six functions without the middle third of their training rows. Every flag of interpolation.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.interpolation --datasets synthetic --points 201 --seeds 0 1 2 \
  --methods mean polynomial kernel_ridge knn mlp gbt forest gp xgboost lift \
  lift:numbers=significant,digits=3,decoding=greedy lift:numbers=paper,decoding=greedy "$@"
