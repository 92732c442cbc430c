#!/usr/bin/env bash
# Runs an experiment on a SLURM allocation: sbatch utils/slurm.sh bash classification/accuracy.sh [FLAG ...]. See CLUSTER.md.
#SBATCH --job-name=lift
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
set -euo pipefail

if [[ $# -eq 0 ]]; then
  echo "error: no command; type sbatch utils/slurm.sh bash classification/accuracy.sh" >&2
  exit 2
fi
cd "${SLURM_SUBMIT_DIR:?start this script with sbatch}" # a copy of this script runs elsewhere
source utils/env.sh requirements.txt requirements-cluster.txt

ray="$lift_root/.venv/bin/ray"
port=6379
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head="${nodes[0]}"
cpus="${SLURM_CPUS_PER_TASK:-1}"
gpus="${SLURM_GPUS_ON_NODE:-0}"

on_node() { # NODE COMMAND ...: one task there, beside the others
  local node="$1"
  shift
  srun --overlap --nodes=1 --ntasks=1 --nodelist="$node" "$@"
}

on_node "$head" "$ray" start --head --port "$port" --num-cpus "$cpus" --num-gpus "$gpus" --block &
trap '"$ray" stop >/dev/null 2>&1 || true; kill $(jobs -p) 2>/dev/null || true' EXIT
for _ in $(seq 60); do
  "$ray" status --address "$head:$port" >/dev/null 2>&1 && break
  sleep 2
done
for node in "${nodes[@]:1}"; do
  on_node "$node" "$ray" start --address "$head:$port" --num-cpus "$cpus" --num-gpus "$gpus" --block &
done

"$@" --engine ray --address "$head:$port"
