#!/usr/bin/env bash
# All numbers again: every manual, figure and table by its own command, as far as they are not those of this code. Flags of remake.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-extras.txt requirements-benchmarks.txt
run_module benchmarks.remake "$@"
