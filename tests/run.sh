#!/usr/bin/env bash
# All checks: style, format, tests. Nothing is changed; `ruff format .` and `ruff check --fix .` are the commands that change.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-dev.txt
cd "$lift_root"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # a process for each core, each with one thread
exec .venv/bin/python -m pytest -n auto --dist worksteal "$@"
