#!/usr/bin/env bash
# Mixup: all training rows of the paper's smaller tables and synthetic sets. Every flag of mixup.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.mixup --datasets wholesale-customers pollution iris tae cmc wine vehicle \
  LED-display-domain-7digit synthetic --rows 0 --shares 0 .5 1 --kinds mixed copies \
  --methods logreg tree mlp forest xgboost lift --seeds 0 1 2 "$@"
