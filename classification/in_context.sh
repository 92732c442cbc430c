#!/usr/bin/env bash
# In-context learning: the paper's six tables with its numbers of rows in the prompt. Every flag of in_context.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.in_context --datasets breast-cancer tae vehicle visualizing_hamster wholesale-customers \
  LED-display-domain-7digit --shown 0 --choices random balanced nearest \
  --methods majority logreg knn tree mlp svm forest xgboost lift --seeds 0 1 2 "$@"
