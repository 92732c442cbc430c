#!/usr/bin/env bash
# Contradicting prompts: 1 to 512 rows, three draws, both targets. Every flag of contradicting_prompts.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.contradicting_prompts --rows 1 2 4 8 16 32 64 125 256 512 --seeds 0 1 2 \
  --methods mean polynomial kernel_ridge knn mlp gbt forest gp xgboost lift "$@"
