"""Cases on a Ray cluster, or with Ray on this machine: the same trials, with results in the same CSV.

The driver builds each trial and holds its claim; a node receives rows and learner, fits, predicts, and returns scores
and answers. Nodes need the same packages but no shared disk: the code is sent with the job. A case whose node or worker
dies is rerun on another one.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from threadpoolctl import threadpool_limits

from .. import progress
from ..errors import CannotDo, MissingPackage, UserError
from ..paths import INSTALLED, ROOT
from ..results import Busy
from . import budget
from .cases import Trial
from .plans import BUSY, DONE, Outcome, Plan

RETRIES = 5  # reruns of a case whose worker or node died
CASES_PER_SLOT = 2  # cases submitted per free slot
NOT_SENT = [".git", ".venv", "results", "data/cache", "tests", "*.png"]  # excluded from the code's folder


def ray_module() -> Any:
    """The ray package. Raises MissingPackage."""
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingPackage(
            "--engine ray needs Ray: .venv/bin/pip install -r requirements-cluster.txt; without it, --engine local"
        ) from error


def connect(config) -> Any:
    """Joins the cluster at --address, or starts Ray on this machine; returns the ray package.

    Raises:
        UserError: there is no cluster at the address.
    """
    ray = ray_module()
    if ray.is_initialized():
        return ray
    passed = {name: os.environ[name] for name in ("LIFT_DATA", "LIFT_IMAGES", "HF_HOME") if name in os.environ}
    environment: dict[str, Any] = {"env_vars": passed | {"OMP_NUM_THREADS": str(config.n_threads())}}
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if config.address:
        options |= {"address": config.address}
        environment |= {} if INSTALLED else {"working_dir": str(ROOT), "excludes": NOT_SENT}
    else:
        options |= {"include_dashboard": False, "num_cpus": config.workers * config.n_threads() or None}
        environment["env_vars"] |= {} if INSTALLED else {"PYTHONPATH": str(ROOT)}
    try:
        ray.init(**options, runtime_env=environment)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"no Ray cluster at --address {config.address!r}: {reason}; start one with ray start --head"
        ) from error
    return ray


def needs(config) -> dict[str, Any]:
    """The resources that one case requires, as options of a Ray task."""
    gpus = config.gpus or (1.0 if config.device.startswith("cuda") else 0.0)
    found: dict[str, Any] = {"num_cpus": config.n_threads(), "num_gpus": gpus, "max_retries": RETRIES}
    return found | ({"memory": int(config.memory_gb * 2**30)} if config.memory_gb else {})


def outcomes(runner, plans: list[Plan], commit: str) -> Iterator[Outcome]:
    """Runs the plans and stores their results.

    Args:
        runner: the study's `runner.Runner`.

    Raises:
        UserError: no cluster, or a case that needs more than any node has.
        CannotDo: models on a server, whose answers are stored on one machine.
    """
    config = runner.config
    ray = connect(config)
    task = ray.remote(**needs(config))(run)
    _check_room(ray, needs(config))
    waiting: dict[Any, tuple[Plan, ExitStack]] = {}
    left = iter(plans)
    try:
        while True:
            n_slots = max(1, int(ray.cluster_resources().get("CPU", 1) // config.n_threads())) * CASES_PER_SLOT
            for plan in left:
                stack = ExitStack()
                try:
                    stack.enter_context(runner.results.claim(plan.key))
                except Busy:
                    yield Outcome(plan, BUSY)
                    continue
                if not config.redo and plan.key in runner.results.finished():
                    stack.close()
                    yield Outcome(plan, DONE)
                    continue
                trial = runner.build(plan.case, config)
                if budget.is_remote(trial):
                    stack.close()
                    raise CannotDo("models on a server need --engine local, which stores their answers here")
                if runner.mail:
                    stack.enter_context(runner.mail.elsewhere(plan.key))
                waiting[task.remote(trial, config.n_threads())] = plan, stack
                if len(waiting) >= n_slots:
                    break
            if not waiting:
                return
            ready, _ = ray.wait(list(waiting), num_returns=1)
            for reference in ready:
                plan, stack = waiting.pop(reference)
                with stack:
                    yield _stored(ray, runner, plan, reference, commit)
    finally:
        for reference, (_, stack) in waiting.items():
            ray.cancel(reference, force=True)
            stack.close()


def run(trial: Trial, threads: int):
    """Runs a trial on a node."""
    progress.hide()
    with threadpool_limits(threads):
        return trial.run()


def _stored(ray, runner, plan: Plan, reference, commit: str) -> Outcome:
    try:
        scores, answers = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        reason = str(cause) if isinstance(cause, UserError) else f"{type(cause).__name__}: {cause}"
        return Outcome(plan, runner.failed(plan, reason))
    except ray.exceptions.RayError as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        reason = f"lost on the cluster after {RETRIES} retries ({type(error).__name__}: {reason})"
        return Outcome(plan, runner.failed(plan, reason))
    row = runner.store(plan, scores, answers, commit)
    return Outcome(plan, DONE, row, float(scores["seconds_fit"]) + float(scores["seconds_predict"]))


def _check_room(ray, required: dict[str, Any]) -> None:
    """Raises UserError if no node of the cluster could ever run a case: Ray itself would wait forever."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    kinds = {"CPU": required["num_cpus"], "GPU": required["num_gpus"], "memory": required.get("memory", 0)}
    if not any(all(node.get(kind, 0) >= amount for kind, amount in kinds.items()) for node in nodes):
        amounts = ", ".join(f"{amount:g} {kind}" for kind, amount in kinds.items() if amount)
        raise UserError(
            f"a case needs {amounts}, but no node of the cluster has as much; lower --threads, --gpus or --memory-gb"
        )
