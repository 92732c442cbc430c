#!/usr/bin/env bash
# Decision boundaries: pictures of 300 × 300 points, all sets of two features, wrong labels included. Every flag of boundaries.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.boundaries --datasets synthetic network:epoch={10,40,80,300,490},flip={0,.05,.2} --grid 300 --seeds 0 1 2 \
  --methods logreg knn tree mlp svm forest xgboost lift "$@"
