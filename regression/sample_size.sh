#!/usr/bin/env bash
# Sample size in regression: 4 to 1024 training rows of the six functions, the paper's real tables. Every flag of sample_size.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
functions=()
for name in linear quadratic exponential cosine l1norm piecewise; do functions+=("$name:n=1024" "$name:p=2,n=1024"); done
run_module regression.sample_size --datasets "${functions[@]}" diabetes paper --rows 4 8 16 32 64 128 256 512 1024 \
  --shares .05 .1 .2 .5 1 --methods mean polynomial kernel_ridge knn mlp gbt forest gp xgboost lift --seeds 0 1 2 "$@"
