#!/usr/bin/env bash
# Answers for new rows: tunes once, keeps the model, asks it. bash predict.sh train.csv --target y --new new.csv --out answers.csv
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/utils/env.sh" requirements.txt
run_module utils.predict "$@"
