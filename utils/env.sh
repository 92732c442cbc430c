# Sourced by every shell script: a virtual environment that holds exactly what the requirements files say.
#
#   source utils/env.sh FILE ...       makes .venv, or updates it where a requirements FILE has changed
#   run_module MODULE [FLAG ...]       runs a module of this repository, from the caller's folder
#   run_tasks MODULE [FLAG ...]        runs it with --task classification, then with --task regression
#   run_area AREA [--quick] [FLAG ...] runs every experiment of a folder
#
# PYTHON names another interpreter than python3 (3.10 or newer).

lift_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
lift_python="$lift_root/.venv/bin/python"

lift_fail() {
  printf 'error: %s\n' "$1" >&2
  exit 2
}

lift_make_venv() {
  local base="${PYTHON:-python3}"
  command -v "$base" >/dev/null || lift_fail "$base was not found; install Python 3.10 or newer, or set PYTHON=/path/to/python3"
  "$base" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    lift_fail "$base is $("$base" --version 2>&1), 3.10 or newer is needed; set PYTHON=/path/to/a/newer/python3"
  echo "Making the virtual environment $lift_root/.venv (once)"
  # Debian's python3 comes without ensurepip: there the pip at hand puts one into the new environment.
  "$base" -m venv "$lift_root/.venv" >/dev/null 2>&1 ||
    { "$base" -m venv --clear --without-pip "$lift_root/.venv" && "$base" -m pip --python "$lift_python" install pip; } ||
    lift_fail "no virtual environment could be made; install the venv module of $base (Debian: apt install python3-venv)"
}

lift_install() {
  local file line stamp="$lift_root/.venv/installed.txt" wanted=() changed=() arguments=()
  for file in "$@"; do
    wanted+=("$(git hash-object "$lift_root/$file") $file")
    arguments+=(-r "$lift_root/$file")
    grep -qxF "${wanted[${#wanted[@]} - 1]}" "$stamp" 2>/dev/null || changed+=("$file")
  done
  if [[ ${#changed[@]} -eq 0 ]]; then return; fi
  if [[ ! -x "$lift_python" ]]; then lift_make_venv; fi
  echo "Installing ${changed[*]} (some minutes the first time)"
  "$lift_python" -m pip install --disable-pip-version-check "${arguments[@]}" ||
    lift_fail "the installation failed, see above; the same command takes it up again"
  # Written last, so that an interrupted installation is taken up again.
  {
    while read -r line; do
      [[ " $* " == *" ${line#* } "* ]] || printf '%s\n' "$line"
    done < <(cat "$stamp" 2>/dev/null)
    printf '%s\n' "${wanted[@]}"
  } >"$stamp.new"
  mv "$stamp.new" "$stamp"
}

run_module() {
  # Started by path, Python looks for modules beside the script; with -m, in the caller's folder. Neither is wanted.
  exec "$lift_python" -c '
import runpy, sys
sys.path[0] = sys.argv.pop(1)
module = sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)' "$lift_root" "$@"
}

# What fails in the first task (1: some cases failed, the others count) does not stop the second; a wrong flag or Ctrl-C does.
run_tasks() {
  local task failed=0
  for task in classification regression; do
    (run_module "$1" --task "$task" "${@:2}") || failed=$?
    if [[ $failed -gt 1 ]]; then break; fi
  done
  return "$failed"
}

# Every experiment of an area, then one table of all. With --quick first: each script's own small default. What follows goes to
# every script. A script that fails is named at the end; Ctrl-C stops the whole.
run_area() {
  local area="$1" script name code failed=()
  shift
  local quick=""
  if [[ "${1:-}" == --quick ]]; then quick=yes && shift; fi
  for script in "$lift_root/$area"/*.sh; do
    name="$(basename "$script" .sh)"
    if [[ ! -f "$lift_root/$area/$name.py" ]]; then continue; fi # no experiment: run_all, rehearse
    printf '\n== %s/%s\n' "$area" "$name"
    code=0
    if [[ -n "$quick" ]]; then (run_module "$area.$name" "$@") || code=$?; else bash "$script" "$@" || code=$?; fi
    if [[ $code -eq 130 ]]; then exit 130; fi
    if [[ $code -ne 0 ]]; then failed+=("$name"); fi
  done
  local folder=()
  while [[ $# -gt 0 ]]; do
    if [[ "$1" == --results-dir ]]; then folder=(--results-dir "$2"); fi
    shift
  done
  (run_module utils.overview "$area" ${folder[@]+"${folder[@]}"})
  if [[ ${#failed[@]} -gt 0 ]]; then
    printf 'not whole: %s\n' "${failed[*]}" >&2
    exit 1
  fi
}

if command -v flock >/dev/null; then # two scripts started at once: the second waits for the first's installation
  exec 9>"$lift_root/.venv.lock"
  flock 9
  lift_install "$@"
  exec 9>&-
else
  lift_install "$@"
fi
