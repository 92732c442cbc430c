#!/usr/bin/env bash
# Few rows: TabLLM's data sets that OpenML or LIFT_DATA has, five draws. Every flag of few_shot.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.few_shot --datasets bank-marketing blood-transfusion-service-center california-housing car credit-g \
  diabetes heart-c adult --methods majority logreg xgboost lift --seeds 0 1 2 3 4 "$@"
