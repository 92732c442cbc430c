#!/usr/bin/env bash
# Number types: real and whole inputs, four ranges, 2 to 5 digits, 20 to 2000 levels. Every flag of number_types.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.number_types --datasets linear exponential cosine piecewise --integers 0 1 --seeds 0 1 2 \
  --ranges lo=-10,hi=10 lo=0,hi=10 lo=-150,hi=150 lo=0,hi=300 \
  --methods mean polynomial kernel_ridge knn mlp gbt forest gp xgboost lift lift:levels=20 lift:levels=100 lift:levels=2000 \
  lift:numbers=significant,digits={2..5},decoding=greedy lift:numbers=paper,decoding=greedy "$@"
