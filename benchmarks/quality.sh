#!/usr/bin/env bash
# Quality: lift-tiny, its random start and every classical learner; classification, then regression. Flags of quality.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-extras.txt
run_tasks benchmarks.quality "$@"
