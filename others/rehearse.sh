#!/usr/bin/env bash
# A study on a server of the OpenAI protocol, rehearsed: a small server is started here, tunes lift-tiny and costs nothing. Flags of
# classification/accuracy.py may follow. See SERVERS.md.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../utils/env.sh" requirements.txt

port=8700
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then lift_fail "port $port of this machine is taken; end what listens there"; fi
(run_module others.rehearsal.server --port "$port" --folder "$lift_root/results/rehearsal/server") &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  kill -0 "$server" 2>/dev/null || lift_fail "the server did not start, see above"
  sleep 0.2
done

export OPENAI_BASE_URL="http://127.0.0.1:$port/v1" OPENAI_API_KEY=rehearsal
unset OPENAI_INFERENCE_BASE_URL OPENAI_INFERENCE_API_KEY
(run_module classification.accuracy --datasets iris --methods majority lift --seeds 0 --model openai:test --yes \
  --results-dir "$lift_root/results/rehearsal" "$@")
