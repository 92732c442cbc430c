"""Cases on a Ray cluster, or on a Ray of this machine: the same trials, whose results come back to the same CSV.

The driver builds each trial and holds its claim; a node gets rows and learner, fits, answers, and sends scores and
answers back. Nodes need the same packages, not the same disk: the code travels with the job. A case whose node or
worker dies is run again on another one.
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

RETRIES = 5  # times that a case is run again whose worker or node died
AHEAD = 2  # cases per free place that are handed over at a time
NOT_SENT = [".git", ".venv", "results", "data/cache", "tests", "*.png"]  # of the code's folder


def ray_module() -> Any:
    """The package. Raises MissingPackage."""
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise MissingPackage(
            "--engine ray needs Ray: .venv/bin/pip install -r requirements-cluster.txt; without it, --engine local"
        ) from error


def connect(config) -> Any:
    """Joins the cluster at --address, or starts a Ray on this machine; returns the package.

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
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"no Ray cluster at --address {config.address!r}: {said}; start one with ray start --head"
        ) from error
    return ray


def needs(config) -> dict[str, Any]:
    """What Ray must find free for one case."""
    gpus = config.gpus or (1.0 if config.device.startswith("cuda") else 0.0)
    found: dict[str, Any] = {"num_cpus": config.n_threads(), "num_gpus": gpus, "max_retries": RETRIES}
    return found | ({"memory": int(config.memory_gb * 2**30)} if config.memory_gb else {})


def outcomes(runner, plans: list[Plan], commit: str) -> Iterator[Outcome]:
    """Runs the plans and stores them.

    Args:
        runner: the study's `runner.Runner`.

    Raises:
        UserError: no cluster, or a case that wants more than any node has.
        CannotDo: models behind the OpenAI protocol, whose answers are kept on one machine.
    """
    config = runner.config
    ray = connect(config)
    task = ray.remote(**needs(config))(run)
    _check_room(ray, needs(config))
    waiting: dict[Any, tuple[Plan, ExitStack]] = {}
    left = iter(plans)
    try:
        while True:
            places = max(1, int(ray.cluster_resources().get("CPU", 1) // config.n_threads())) * AHEAD
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
                    raise CannotDo("models behind the OpenAI protocol run with --engine local, where answers are kept")
                if runner.mail:
                    stack.enter_context(runner.mail.elsewhere(plan.key))
                waiting[task.remote(trial, config.n_threads())] = plan, stack
                if len(waiting) >= places:
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
    """What a node does."""
    progress.hide()
    with threadpool_limits(threads):
        return trial.run()


def _stored(ray, runner, plan: Plan, reference, commit: str) -> Outcome:
    try:
        scores, answers = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        said = str(cause) if isinstance(cause, UserError) else f"{type(cause).__name__}: {cause}"
        return Outcome(plan, runner.failed(plan, said))
    except ray.exceptions.RayError as error:
        said = (str(error).strip().splitlines() or [""])[0]
        said = f"lost on the cluster after {RETRIES} more tries ({type(error).__name__}: {said})"
        return Outcome(plan, runner.failed(plan, said))
    row = runner.store(plan, scores, answers, commit)
    return Outcome(plan, DONE, row, float(scores["seconds_fit"]) + float(scores["seconds_predict"]))


def _check_room(ray, wanted: dict[str, Any]) -> None:
    """Refuses what no node of the cluster could ever run: Ray itself would wait for such a node for ever."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    kinds = {"CPU": wanted["num_cpus"], "GPU": wanted["num_gpus"], "memory": wanted.get("memory", 0)}
    if not any(all(node.get(kind, 0) >= amount for kind, amount in kinds.items()) for node in nodes):
        told = ", ".join(f"{amount:g} {kind}" for kind, amount in kinds.items() if amount)
        raise UserError(
            f"a case wants {told}, and no node of the cluster has as much; lower --threads, --gpus or --memory-gb"
        )
