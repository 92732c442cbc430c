#!/usr/bin/env bash
# Class imbalance: the paper's three imbalanced tables and one more, as they are and with fewer rows of the minority. Every flag of imbalance.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.imbalance --datasets PizzaCutter3 climate-model-simulation-crashes wholesale-customers breast_cancer \
  --methods majority logreg knn tree mlp svm forest xgboost lift --minority 1 .05 .02 --seeds 0 1 2 "$@"
