#!/usr/bin/env bash
# Generation: rows of six tables and images of 8 × 8 pixels. Every flag of generation.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
run_module others.generation --datasets iris wine breast_cancer moons blobs two_circles images:digits images:mnist \
  --side 8 --image-rows 0 --updates 1000 --temperatures .7 .9 1 --seeds 0 1 2 "$@"
