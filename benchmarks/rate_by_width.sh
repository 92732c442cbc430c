#!/usr/bin/env bash
# Rate by width: networks of four widths, tuned with a tenth to ten times the recipe's learning rate. Every flag of rate_by_width.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module benchmarks.rate_by_width "$@"
