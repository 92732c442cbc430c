#!/usr/bin/env bash
# Pretraining: the paper's six sets, four starts, four learning rates for each. Every flag of pretraining_ablation.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.pretraining_ablation \
  --datasets blobs two_circles iris wholesale-customers wine LED-display-domain-7digit \
  --methods majority logreg forest xgboost lift --learning-rates 2e-4 5e-4 1e-3 2e-3 --seeds 0 1 2 "$@"
