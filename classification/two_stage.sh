#!/usr/bin/env bash
# Two stages: five pretexts, 2 to 1000 rows of the paper's five targets. Every flag of two_stage.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.two_stage --datasets blobs LED-display-domain-7digit circles moons two_circles \
  --rows 2 5 10 20 50 100 200 500 1000 --pretexts none synthetic unlabelled noise shuffled --updates 1000 \
  --methods majority logreg knn svm xgboost lift --seeds 0 1 2 "$@"
