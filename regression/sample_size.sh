#!/usr/bin/env bash
# Sample size in regression: 4 to 1024 training rows of the six functions, the paper's real tables. Every flag of sample_size.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.sample_size --datasets linear:{,'p=2,'}n=1024 quadratic:{,'p=2,'}n=1024 exponential:{,'p=2,'}n=1024 \
  cosine:{,'p=2,'}n=1024 l1norm:{,'p=2,'}n=1024 piecewise:{,'p=2,'}n=1024 diabetes paper --rows 4 8 16 32 64 128 256 512 1024 \
  --shares .05 .1 .2 .5 1 --methods mean polynomial kernel_ridge knn mlp gbt forest gp xgboost lift --seeds 0 1 2 "$@"
