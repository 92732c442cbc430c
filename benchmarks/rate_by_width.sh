#!/usr/bin/env bash
# Rate by width: networks of three widths, tuned with a tenth to ten times smollm2's learning rate scaled by their width. Every flag of rate_by_width.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module benchmarks.rate_by_width "$@"
