#!/usr/bin/env bash
# Ridge by augmentation: five λ, 1 to 100 inputs, three draws of the data. Every flag of ridge.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.ridge --inputs 1 10 50 100 --penalties 0 10 50 100 1000 \
  --methods least_squares mean knn gp gbt xgboost lift lift:scale=quantile --seeds 0 1 2 "$@"
