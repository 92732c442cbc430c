"""Starts the programs of the repository as a user does: with a command line, in a process of their own."""

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import ROOT
from tests.fork_server import LIMIT

# What a shell starts in the background ignores Ctrl-C, and so would the tests' children.
HEAR_CTRL_C = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}


def launch(module, *flags, folder=ROOT):
    """A new interpreter that runs a module; warnings are errors."""
    command = [sys.executable, "-c", HEAR_CTRL_C, "-W", "error", "-m", module, *map(str, flags)]
    return subprocess.Popen(
        command, cwd=folder, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process, code=0):
    """Output and errors of a process, which are shown where its exit code is another than `code`."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
    return out, err


@cache
def fork_server():
    """One for all tests of this process; it ends with it."""
    command = [sys.executable, "-W", "error", "-m", "tests.fork_server"]
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(server.communicate)
    return server


def run(module, *flags, code=0, folder=ROOT):
    """Output and errors of a module that ends by itself, run in a process in which the slow imports are done."""
    server = fork_server()
    with TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        request = {"module": module, "flags": [*map(str, flags)], "folder": str(folder), "environment": environment()}
        print(json.dumps(request | {"out": str(out), "err": str(err)}), file=server.stdin, flush=True)
        answer = server.stdout.readline()
        assert answer, "the fork server has ended; its error is above"
        found = int(answer)
        out, err = out.read_text("utf-8"), err.read_text("utf-8")
    assert found == code, f"exit code {found}\n{out}\n{err}"
    return out, err
