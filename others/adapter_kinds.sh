#!/usr/bin/env bash
# Adapters: all that peft offers for the model, on five tables. Every flag of adapter_kinds.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.adapter_kinds --datasets iris wine breast_cancer digits moons --adapters all --ranks 4 16 \
  --learning-rates 1e-3 3e-3 1e-2 --methods majority logreg svm xgboost lift --seeds 0 1 2 "$@"
