#!/usr/bin/env bash
# Teachers: sixteen teachers of the paper's families, seven students beside LIFT, sets of two features. Every flag of teachers.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.teachers --datasets moons:noise=0.3 circles two_circles network:epoch=80 network:epoch=490 \
  --teachers svm_poly svm_rbf svm_sigmoid logreg knn1 knn3 knn5 tree3 tree5 mlp10 mlp100 mlp200 xgboost forest20 forest50 forest100 \
  --grid 100 --seeds 0 1 2 "$@"
