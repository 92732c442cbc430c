#!/usr/bin/env bash
# Feature names: none, correct and shuffled ones in training and test, the paper's four tables. Every flag of feature_names.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.feature_names --datasets cmc tae vehicle credit-g --templates paper names sentence \
  --names none correct shuffled --tested-with same none correct shuffled --shufflings 3 --epochs None \
  --methods majority logreg xgboost lift --seeds 0 1 2 3 4 "$@"
