#!/usr/bin/env bash
# Uncertainty: six functions, 1,000 rows with noise that grows with the input, three seeds. Every flag of uncertainty.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.uncertainty --datasets synthetic --rows 1000 --seeds 0 1 2 "$@"
