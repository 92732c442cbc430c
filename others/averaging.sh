#!/usr/bin/env bash
# Averaging: all kinds of averages of five fine-tunes, on five tables. Every flag of averaging.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.averaging --datasets iris wine breast_cancer digits moons --rows 0 --members 5 \
  --kinds single ema best soup greedy ensemble --methods majority logreg svm xgboost lift --seeds 0 1 2 3 4 "$@"
