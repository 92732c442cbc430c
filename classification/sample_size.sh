#!/usr/bin/env bash
# Sample size: accuracy with 1 to 512 training rows and with shares of them, the paper's tables. Every flag of sample_size.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.sample_size --datasets paper synthetic --rows 1 2 4 8 16 32 64 128 256 512 \
  --shares .01 .05 .1 .2 .5 1 --seeds 0 1 2 "$@"
