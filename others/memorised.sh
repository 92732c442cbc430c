#!/usr/bin/env bash
# Memory: the paper's tables, three draws of the lines. Every flag of memorised.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.memorised --datasets iris wine tae cmc vehicle wholesale-customers pollution credit-g \
  --seeds 0 1 2 "$@"
