#!/usr/bin/env bash
# Model size: the six functions, a ladder of open models of one family (downloads them). Every flag of model_size.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.model_size --datasets functions --methods mean knn gp xgboost lift \
  --models EleutherAI/pythia-70m EleutherAI/pythia-160m EleutherAI/pythia-410m EleutherAI/pythia-1b \
  --adapter lora --epochs 10 --batch-size 4 --learning-rates 1e-4 3e-4 1e-3 --seeds 0 1 2 "$@"
