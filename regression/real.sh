#!/usr/bin/env bash
# Real tables: 20 to 100 % of the rows, with and without feature names, three seeds. Every flag of real.py may follow.
# The four tables are not shipped; LIFT_DATA names the folder that holds them, see data/README.md.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module regression.real --fractions .2 .4 .6 .8 1 --names no yes --seeds 0 1 2 \
  --datasets combined-cycle-power-plant medical-insurance servo student-performance-por \
  --methods mean polynomial kernel_ridge knn mlp gbt forest gp xgboost lift "$@"
