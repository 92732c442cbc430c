"""The machine of a benchmark: its processor, the instruction sets of a process, the resources used so far.

Only the standard library is imported, so that a process can be measured from its start.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from pathlib import Path

ISA: dict[str, dict[str, str]] = {  # what torch may use, as environment variables
    "native": {},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},  # as on most laptops and many servers
}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def environment(isa: str, threads: int) -> dict[str, str]:
    """Environment variables of a process limited to these instructions and threads."""
    rest = {name: value for name, value in os.environ.items() if name not in ISA["avx2"]}
    return {**rest, **ISA[isa], **dict.fromkeys(THREADS, str(threads))}


def processor() -> str:
    """The name of the processor and the number of its cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    lines = _lines(Path("/proc/cpuinfo"))
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{name or platform.processor() or platform.machine()}, {cores} cores"


def processor_seconds() -> float:
    """User and system time of this process since its start, and of its finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak() -> int:
    """The peak memory of this process, in bytes."""
    for line in _lines(Path("/proc/self/status")):  # getrusage also counts the process that started this one
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines() if file.exists() else []
