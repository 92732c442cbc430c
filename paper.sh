#!/usr/bin/env bash
# The paper's tables with our numbers beside those of 2022, and a verdict on each claim. bash paper.sh --quick
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/utils/env.sh" requirements.txt
run_module utils.paper "$@"
