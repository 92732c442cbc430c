#!/usr/bin/env bash
# One HTML file of all results: tables, figures and every answer. bash report.sh [--results-dir FOLDER ...] [--out report.html]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/utils/env.sh" requirements.txt
run_module utils.report "$@"
