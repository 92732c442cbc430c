"""Runs modules as `python -m` does, each in a fork of this process, which has done the slow imports once.

A request is one line of JSON on the standard input, the answer to it the exit code on a line of the standard output.
"""

import atexit
import importlib
import json
import os
import runpy
import signal
import sys
import threading
import traceback

IMPORTED = (  # what every study with LIFT and the classical learners imports
    "matplotlib.pyplot",
    "peft",
    "scipy.stats",
    "sklearn.datasets",
    "sklearn.ensemble",
    "sklearn.gaussian_process",
    "sklearn.kernel_ridge",
    "sklearn.neural_network",
    "sklearn.svm",
    "transformers.models.gpt2.modeling_gpt2",
    "tyro",
    "utils.estimators.lift",
    "utils.models.local.model",
    "utils.plots",
    "utils.study.experiment",
    "xgboost",
)
LIMIT = 600  # seconds


def run(module: str, flags: list[str], folder: str, environment: dict[str, str], out: str, err: str) -> int:
    """The exit code of `python -m module flags` in `folder`, with its output in two files."""
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(folder)
    sys.path[0] = folder
    sys.argv = [module, *flags]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as stopped:
        if isinstance(stopped.code, str):
            print(stopped.code, file=sys.stderr)
        return int(stopped.code is not None) if isinstance(stopped.code, str | None) else stopped.code
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def serve() -> None:
    before = set(os.environ)
    for name in IMPORTED:
        importlib.import_module(name)
    set_by_imports = {name: os.environ[name] for name in os.environ.keys() - before}
    for line in sys.stdin:
        child = os.fork()
        if not child:
            signal.alarm(LIMIT)
            request = json.loads(line)
            request["environment"] = set_by_imports | request["environment"]
            code = run(**request)
            threading._shutdown()  # the order of an interpreter's end: threads first
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
