#!/usr/bin/env bash
# Self-training: 4 to 128 labels, kept by threshold and by share, with both bounds. Every flag of self_training.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.self_training --datasets iris wine breast_cancer digits moons two_circles blobs \
  --rows 4 8 16 32 64 128 --methods logreg knn forest xgboost lift --seeds 0 1 2 \
  --arms none self:threshold=.9,rounds=3 self:threshold=0,share=.5,rounds=3 random all "$@"
