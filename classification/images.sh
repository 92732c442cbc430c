#!/usr/bin/env bash
# Images: the middle 18 × 18 pixels of MNIST and Fashion-MNIST, as they are and permuted. Every flag of images.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.images --datasets mnist permuted_mnist fashion_mnist permuted_fashion_mnist \
  --methods majority logreg tree svm xgboost mlp300 lenet lift --crop 18 --side 18 --rows 0 --seeds 0 1 2 "$@"
