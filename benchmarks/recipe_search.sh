#!/usr/bin/env bash
# Which fine-tuning settings suit a model (lift-tiny without --model)? Every flag of recipe_search.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module benchmarks.recipe_search --seeds 0 1 "$@"
