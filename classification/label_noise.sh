#!/usr/bin/env bash
# Label noise: 0 to 40 % wrong labels, with and without repair, the paper's sets. Every flag of label_noise.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-extras.txt
run_module classification.label_noise --datasets network:epoch=10 network:epoch=80 network:epoch=490 paper \
  --methods logreg knn tree mlp svm forest xgboost lift --shares 0 .05 .1 .2 .4 --kinds random systematic --repair none cleanlab --seeds 0 1 2 "$@"
