"""Fine-tuning jobs and batches: created once, found again after a crash, awaited with a time limit."""

from __future__ import annotations

import time
from datetime import date, datetime, timezone

from ...errors import UserError
from . import wire
from .providers import host
from .quote import cost
from .reading import batch_line
from .replies import Redirected, check
from .store import State
from .wire import BadAnswer, Job

WARNING_DAYS = 30  # a warning is given from this many days before a model's last day
POLL = (1.0, 20.0)  # seconds between polls of a job: first, and maximum
SEARCHES = 4  # searches for a job whose creation was not answered, 1, 2 and 4 s apart
FAILED = ("failed", "cancelled", "expired")
STOPPED = ("paused",)  # continues only when resumed at the provider


class Unanswered(Exception):
    """A creation that may or may not have happened. The message says what came instead of an answer."""


def tune(live, job: Job, state: State) -> float:
    """Runs a job to its end and returns its cost in USD; `state` then has tuned, checkpoints, n_tokens, ended.

    Args:
        live: the back end, a `live.PaidBackend`.
        state: of this job, locked by this process.

    Raises:
        UserError: the job is refused, failed, or takes longer than the session allows.
    """
    key = job.key(live.trainer.url)
    estimate = live.price.usd(training=job.n_tokens * job.epochs)
    if "tuned" not in state:
        if "job" not in state:
            _check_model(live, job.model)
            _create(live, job, state, key, estimate)
        live.ledger.add(  # here, not at creation: a kill in between must not lose it; it is added once
            host=host(live.trainer.url),
            model=job.model,
            kind="training",
            id=state["job"],
            usd=state["estimate"],
            counted="estimate",
            training=job.n_tokens * job.epochs,
        )
        _wait(live, job, state)
    usd = live.price.usd(training=state["n_tokens"])
    entry = {"host": host(live.trainer.url), "model": job.model, "id": state["job"]}
    if abs(usd - state.get("estimate", usd)) > 1e-9:
        live.ledger.add(**entry, kind="correction", usd=usd - state["estimate"], counted="server")
    return usd


def _create(live, job: Job, state: State, key: str, estimate: float) -> None:
    """Uploads the files and creates the job. Every id is on disk before the next step."""
    with live.ledger.reserving(estimate, "the training"):
        if not state:
            state.put(url=live.trainer.url, model=job.model, hyperparameters=job.hyperparameters, seed=job.seed)
        for part, data in (("training", job.training), ("validation", job.validation)):
            if data and f"{part}_file" not in state:
                state.put(**{f"{part}_file": live.trainer.upload(f"lift-{key[:12]}-{part}.jsonl", data, "fine-tune")})
        found = live.trainer.find_job(key, job.model) if "creating" in state else None
        if found is None:
            state.put(creating=_now())
            found = _once(
                lambda: live.trainer.create_job(job, key, state), lambda: live.trainer.find_job(key, job.model), state
            )
        state.put(job=found, estimate=estimate, creating=None)


def _once(create, find, state: State) -> str:
    """The id of what `create` makes, or, if its answer was lost, of what `find` finds; `create` is never called again.

    Raises:
        UserError: a refusal, after which the next run may create again; or no answer, and nothing found.
    """
    try:
        return create()
    except Unanswered as error:
        for search in range(SEARCHES):
            time.sleep(2.0**search / 2 if search else 0)
            if found := find():
                return found
        raise UserError(
            f"a creation was not answered ({error}), and nothing of the kind is listed; run the same command again: it "
            f"looks at the list first (what is known lies in {state.file})"
        ) from None
    except Redirected:
        raise  # it may have been done before the redirect
    except UserError:
        state.put(creating=None, training_file=None, validation_file=None, file=None)  # the files may be at fault
        raise


def _check_model(live, name: str) -> None:
    """Refuses a model that was shut down and warns if it will be soon; servers without a list are trusted."""
    listed = live.trainer.model(name)
    last = _day(listed and listed.shutdown_date)
    if last is None:
        return
    today, day = datetime.now(timezone.utc).date(), last.isoformat()
    if last <= today:
        raise UserError(f"{name} was shut down on {day}; choose another model, or a local one: --model lift-tiny")
    if (last - today).days <= WARNING_DAYS:
        live.say(f"warning: {name} and its tunes are shut down on {day}; answers are kept in {live.store.folder}")


def _day(value: object) -> date | None:
    """A date as servers write it: 2027-01-14, possibly followed by a time, or seconds since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, timezone.utc).date()
        return date.fromisoformat(str(value)[:10])
    except (ValueError, OSError, OverflowError):
        return None


def _wait(live, job: Job, state: State) -> None:
    """Polls the job until it has ended, and puts the outcome into `state`."""
    deadline = time.time() + live.session.job_hours * 3600
    pause, seen, status = POLL[0], set(state.get("events", ())), ""
    while True:
        found = live.trainer.job(state["job"])
        for event in live.trainer.events(state["job"], seen):
            live.say(f"{state['job']}: {event}")
        if found.status != status:
            status = found.status
            live.say(f"{state['job']}: {status}")
            state.put(status=status)
        if status == "succeeded" or status in FAILED + STOPPED:
            break
        if time.time() > deadline:
            raise UserError(
                f"job {state['job']} is still {status!r} after {live.session.job_hours:g} h; it goes on at the server, "
                "and the same command waits for it again (longer with --job-hours)"
            )
        time.sleep(min(pause, max(0.0, deadline - time.time()) + 0.01))
        pause = min(1.5 * pause, POLL[1])
    if status != "succeeded" or not found.fine_tuned_model:
        raise UserError(_reason(live, state, status, found))
    kept = live.trainer.checkpoints(state["job"]) if live.provider.checkpoints > 1 else {}
    last = max(kept, default=0)
    n_tokens, rejected = wire.trained(found.trained_tokens, job)
    if rejected:
        live.say(
            f"warning: {live.trainer.host} says that job {state['job']} was trained on {live.trainer.clean(rejected)} "
            f"tokens, which cannot be; the quoted {n_tokens} are counted"
        )
    state.put(
        tuned=found.fine_tuned_model,
        checkpoints={str(step): name for step, name in kept.items() if step < max(last, job.n_updates)},
        n_tokens=n_tokens,
        ended=time.time(),
    )


def _reason(live, state: State, status: str, found) -> str:
    """The error message for a job that produced no model."""
    error = found.error or {}
    message = live.trainer.clean(str((error.get("message") or "") if isinstance(error, dict) else error))
    events = "; ".join(live.trainer.events(state["job"], set())[-3:])
    if status in STOPPED:
        return (
            f"job {state['job']} is paused at the server; resume it there, and the same command goes on. "
            f"Last events: {events or 'none'}"
        )
    outcome = (
        f"job {state['job']} ended as {status!r}" if status != "succeeded" else f"job {state['job']} produced no model"
    )
    return (
        f"{outcome}: {message or 'no reason was given'}. Last events: {events or 'none'}. It is not bought again "
        f"automatically: fix the cause and remove {state.file}"
    )


def batch(live, path: str, requests: dict[str, dict[str, object]]) -> None:
    """Requests all answers in one batch, at half the price on most servers, and stores them as they come.

    Args:
        path: of the endpoint.
        requests: by key.

    Raises:
        UserError: the batch or some of its requests failed; received answers are kept.
    """
    url = live.asker.url
    key = wire.digest(["batch", url, path, sorted(requests)])
    lines = [{"custom_id": k, "method": "POST", "url": path, "body": request} for k, request in requests.items()]
    most = sum(live.price.usd(*_counts(live, request), batched=True) for request in requests.values())
    with live.store.purchase(key) as state, live.ledger.reserving(most, "the batch"):
        if "job" not in state:
            if "file" not in state:
                state.put(file=live.asker.upload(f"lift-{key[:12]}-batch.jsonl", wire.json_lines(lines), "batch"))
            found = live.asker.find_batch(key) if "creating" in state else None
            if found is None:
                state.put(creating=_now())
                found = _once(
                    lambda: live.asker.create_batch(state["file"], path, key), lambda: live.asker.find_batch(key), state
                )
            state.put(job=found, creating=None)
        ended = _wait_for_batch(live, state)
        problems = []
        for output in (ended.output_file_id, ended.error_file_id):
            for line in (live.asker.download(output) if output else b"").split(b"\n"):
                if problem := line.strip() and _keep_line(live, path, requests, line):
                    problems.append(problem)
        missing = [k for k, r in requests.items() if live.store.answer(url, path, r) is None]
        if missing:
            state.file.unlink(missing_ok=True)  # missing answers go into another batch
            reason = live.asker.clean(problems[0] if problems else ended.status)
            raise UserError(
                f"{len(missing)} of {len(requests)} requests of batch {state['job']} have no answer ({reason}); the "
                "others are kept, and the same command asks for what is missing"
            )


def _keep_line(live, path: str, requests: dict[str, dict[str, object]], line: bytes) -> str:
    """Stores the answer in a line of a batch's output; returns what is wrong if there is none."""
    try:
        name, response, reason = batch_line(line)
        if response is not None and name in requests:
            check(requests[name], response)
            live.keep(path, requests[name], response)
        return reason
    except BadAnswer as error:
        return str(error)


def _wait_for_batch(live, state: State):
    deadline = time.time() + live.session.job_hours * 3600
    pause, status = POLL[0], ""
    while True:
        found = live.asker.batch(state["job"])
        if found.status != status:
            status = found.status
            live.say(f"batch {state['job']}: {status}")
        if status in ("completed", *FAILED):
            return found
        if time.time() > deadline:
            raise UserError(
                f"batch {state['job']} is still {status!r} after {live.session.job_hours:g} h; the same command waits "
                "for it again (longer with --job-hours)"
            )
        time.sleep(pause)
        pause = min(1.5 * pause, POLL[1])


def _counts(live, request: dict[str, object]) -> tuple[int, int, int]:
    return (0, *cost(live.provider, live.counter, request))


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
