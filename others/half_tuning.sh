#!/usr/bin/env bash
# Half tuning: every part of the network on five tables. Every flag of half_tuning.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.half_tuning --datasets iris wine breast_cancer digits moons --learning-rates 1e-3 3e-3 1e-2 \
  --methods majority logreg svm xgboost lift --seeds 0 1 2 "$@"
