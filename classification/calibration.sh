#!/usr/bin/env bash
# Calibration: probabilities, conformal sets and sampled answers, the paper's tables and sets of points. Every flag of calibration.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module classification.calibration --datasets synthetic network sklearn paper --samples 100 --seeds 0 1 2 "$@"
