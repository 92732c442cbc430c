#!/usr/bin/env bash
# The job itself: fit and predict as shipped, on a plain processor and on this one, beside tuned learners and TRL. Flags of job.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-benchmarks.txt
run_module benchmarks.job --isa avx2 native "$@"
