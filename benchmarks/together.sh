#!/usr/bin/env bash
# Several LoRA fine-tunes over one frozen network, one after the other and side by side. Flags of together.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module benchmarks.together "$@"
