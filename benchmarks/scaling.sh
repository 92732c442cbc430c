#!/usr/bin/env bash
# Scaling: time and memory of a fit and its answers, 1,000 to 50,000 rows. Flags of scaling.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module benchmarks.scaling "$@"
