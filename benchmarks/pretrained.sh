#!/usr/bin/env bash
# Tuning beside TRL and scoring beside lm-evaluation-harness, smollm2, as on a plain processor. Flags of pretrained.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-benchmarks.txt
run_module benchmarks.pretrained --isa avx2 "$@"
