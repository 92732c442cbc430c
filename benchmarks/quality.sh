#!/usr/bin/env bash
# Quality: lift-tiny, its random start and every classical learner; classification, then regression. Flags of quality.py may follow.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt requirements-extras.txt
failed=0
for task in classification regression; do
  (run_module benchmarks.quality --task "$task" "$@") || failed=$?
  if [[ $failed -gt 1 ]]; then break; fi # 1: some cases failed, the others count; 2 and more: a wrong flag, or Ctrl-C
done
exit "$failed"
