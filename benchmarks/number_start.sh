#!/usr/bin/env bash
# Number start: Fourier features, random embeddings and single digits; classification, then regression. Flags of number_start.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_tasks benchmarks.number_start "$@"
