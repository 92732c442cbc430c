#!/usr/bin/env bash
# Number start: Fourier features, random embeddings and single digits; classification, then regression. Flags of number_start.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt
failed=0
for task in classification regression; do
  (run_module benchmarks.number_start --task "$task" "$@") || failed=$?
  if [[ $failed -gt 1 ]]; then break; fi # 1: some cases failed, the others count; 2 and more: a wrong flag, or Ctrl-C
done
exit "$failed"
