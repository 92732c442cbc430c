#!/usr/bin/env bash
# Every experiment of this folder, then one table of all. --quick as the first word: the small defaults, minutes; flags for all may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_area others "$@"
