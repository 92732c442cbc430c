#!/usr/bin/env bash
# Speed: tuning and answering, the original's way, TRL's and ours, on one network. Flags of speed.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-benchmarks.txt
run_module benchmarks.speed "$@"
