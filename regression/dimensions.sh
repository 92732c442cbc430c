#!/usr/bin/env bash
# Dimensions: six functions of 1 to 120 inputs, other numbers and decodings beside LIFT's own. Every flag of dimensions.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.dimensions --datasets synthetic --inputs 1 2 5 10 50 100 120 --seeds 0 1 2 \
  --methods mean polynomial kernel_ridge knn mlp gbt forest gp xgboost lift lift:levels=20 lift:levels=100 lift:levels=2000 \
  lift:scale=quantile lift:decoding=mean lift:decoding=greedy lift:decoding=median,samples=20 \
  lift:numbers=significant,digits=2,decoding=greedy lift:numbers=paper,decoding=greedy "$@"
