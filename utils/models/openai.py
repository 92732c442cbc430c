"""A connection to a server of OpenAI's protocol. Nothing else in the project imports openai.

OPENAI_BASE_URL and OPENAI_API_KEY name the server and the key; OPENAI_INFERENCE_BASE_URL and OPENAI_INFERENCE_API_KEY
those of the server that answers, where it is another one. A key is read from the environment when a connection is made
and goes nowhere but into its requests.

Errors of the package are translated here, once. What can pass (no answer, 408, 409, 429, 5xx, a page where JSON should
be) is tried again until the session's patience ends, but never the creation of a job or batch; all else ends the run.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import openai

from utils.errors import UserError
from utils.models.protocol.jobs import Unanswered
from utils.models.protocol.providers import host
from utils.models.protocol.replies import Refused, Transient, clean, meaning, record, told
from utils.models.protocol.wire import BadAnswer, Job

TIMEOUT = 120.0  # seconds for one request
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between tries, doubled each time, where the server names none
BROKEN_TRIES = 3  # for an answer that came and cannot be read: it was billed
NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")  # errors before the request has left
PAGES = 50  # of a list, most that are read
PAGE = 100  # entries of a page


class Connection:
    """One server and one key.

    Args:
        url: base URL.
        key_name: the environment variable that holds the key.
        retry_minutes: how long one request is tried again.
        metadata: whether jobs and batches carry our mark in a note; a job has it in its suffix in any case.
    """

    def __init__(self, url: str, key_name: str, retry_minutes: float, metadata: bool = True) -> None:
        self.url = url
        self.host = host(url)
        self._key_name = key_name
        self._patience = 60 * retry_minutes
        self._metadata = metadata
        self.stopping = threading.Event()  # set: no further try, requests under way are still waited for
        key = os.environ.get(key_name, "").strip()
        if not key:
            raise UserError(
                f"{key_name} is not set; export it (any text for a server of your own that wants none), or run the "
                "local model with --model lift-tiny"
            )
        try:
            key.encode("latin-1")
        except UnicodeEncodeError:
            raise UserError(f"the key in {key_name} holds characters that no key has; export it again") from None
        self._client = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=TIMEOUT)
        weakref.finalize(self, self._client.close)

    # ---- answers ----------------------------------------------------------------------------------------------------

    def ask(
        self,
        path: str,
        request: dict[str, object],
        check: Callable[[dict[str, object]], None],
        patient: bool,
        lost: Callable[[str, dict[str, object], int], None],
    ) -> dict[str, object]:
        """The response to a request for answers.

        Args:
            check: raises BadAnswer where a response is not what was asked for.
            patient: whether the model is so new that the server may not know it yet.
            lost: called with path, request and a number for each answer that came broken, or did not come after the
                request had left: it may have been billed.
        """
        n_broken = n_unsure = 0

        def once() -> dict[str, object]:
            nonlocal n_broken, n_unsure
            try:
                response = record(self._client.post(path.removeprefix("/v1"), body=request, cast_to=object))
                check(response)
                return response
            except (openai.APIConnectionError, OSError) as error:
                if type(error.__cause__ or error).__name__ not in NEVER_SENT:
                    n_unsure += 1
                    lost(path, request, -n_unsure)
                raise
            except (BadAnswer, json.JSONDecodeError, openai.APIResponseValidationError) as error:
                n_broken += 1
                lost(path, request, n_broken)
                if n_broken >= BROKEN_TRIES:
                    raise UserError(
                        f"{self.host} answered {n_broken} times with {told(error)}; nothing was made of it"
                    ) from None
                raise Transient(told(error)) from None

        return self._try(once, f"an answer of {request['model']}", patient)

    # ---- files, jobs, batches ---------------------------------------------------------------------------------------

    def upload(self, name: str, data: bytes, purpose: str) -> str:
        """Sends a file and returns its id."""
        made = self._try(lambda: record(self._client.files.create(file=(name, data), purpose=purpose)), "a file")
        if made.get("status") == "error" or not made.get("id"):
            raise UserError(
                f"{self.host} refused the file {name}: {made.get('status_details') or 'no reason was given'}"
            )
        return str(made["id"])

    def create_job(self, job: Job, key: str, state: dict[str, object]) -> dict[str, object]:
        """Creates a job, with one request and no second one.

        Raises:
            Unanswered: it may or may not be there.
            UserError: it was refused.
        """
        more = {"validation_file": state["validation_file"]} if "validation_file" in state else {}
        more |= {} if job.seed is None else {"seed": job.seed}
        return self._create(
            lambda: self._client.fine_tuning.jobs.create(
                model=job.model,
                training_file=str(state["training_file"]),
                method={"type": "supervised", "supervised": {"hyperparameters": job.hyperparameters}},
                suffix=f"lift-{key[:12]}",
                **self._note(key),
                extra_body=job.extra or None,
                **more,
            ),
            f"a fine-tuning job for {job.model}",
        )

    def find_job(self, key: str, model: str) -> dict[str, object] | None:
        """The job with our mark, where there is one."""
        mark = f"lift-{key[:12]}"
        for found in self._pages(lambda after: self._client.fine_tuning.jobs.list(after=after, limit=PAGE), "the jobs"):
            if (found.get("metadata") or {}).get("lift") == key or found.get("user_provided_suffix") == mark:
                return found
        return None

    def job(self, id: str) -> dict[str, object]:
        """A job as it is now."""
        return self._get(lambda: self._client.fine_tuning.jobs.retrieve(id), f"job {id}", "fine_tuning.job")

    def events(self, id: str, seen: set[str]) -> list[str]:
        """Messages of a job's newest events that are not in `seen`, oldest first; they are added to it."""
        page = self._get(lambda: self._client.fine_tuning.jobs.list_events(id, limit=PAGE), f"events of {id}", "list")
        new = [event for event in page.get("data") or [] if event.get("id") not in seen]
        seen |= {event.get("id") for event in new}
        return [clean(str(event.get("message")), self._client.api_key) for event in reversed(new)]

    def checkpoints(self, id: str) -> dict[int, str]:
        """Update → model, of the job's checkpoints; none where the server keeps none."""
        jobs = self._client.fine_tuning.jobs
        try:
            page = self._get(lambda: jobs.checkpoints.list(id, limit=PAGE), f"checkpoints of {id}", "list")
        except UserError:
            return {}
        return {int(c["step_number"]): str(c["fine_tuned_model_checkpoint"]) for c in page.get("data") or []}

    def create_batch(self, file: str, path: str, key: str) -> dict[str, object]:
        """Creates a batch, with one request and no second one; raises as `create_job`."""
        return self._create(
            lambda: self._client.batches.create(
                input_file_id=file, endpoint=path, completion_window="24h", **self._note(key)
            ),
            "a batch",
        )

    def find_batch(self, key: str) -> dict[str, object] | None:
        """The batch with our mark, where there is one."""
        for found in self._pages(lambda after: self._client.batches.list(after=after, limit=PAGE), "the batches"):
            if (found.get("metadata") or {}).get("lift") == key:
                return found
        return None

    def batch(self, id: str) -> dict[str, object]:
        """A batch as it is now."""
        return self._get(lambda: self._client.batches.retrieve(id), f"batch {id}", "batch")

    def download(self, id: str) -> str:
        """A file's text."""
        return self._try(lambda: self._client.files.content(id).text, f"file {id}")

    def model(self, name: str) -> dict[str, object] | None:
        """What the server tells of a model, None where it keeps no list.

        Raises:
            UserError: it keeps one, and the model is not in it.
        """
        try:
            listed = self._get(lambda: self._client.models.list(), "the list of models", "list")
        except UserError as error:
            if isinstance(error, Refused) and error.status in (404, 405, 501):
                return None
            raise
        known = {str(m.get("id")): m for m in listed.get("data") or []}
        if known and name not in known:
            some = ", ".join(sorted(known)[:10])
            raise UserError(f"{self.host} has no model {name!r}; it lists {some}{', …' if len(known) > 10 else ''}")
        return known.get(name)

    # ---- one request ------------------------------------------------------------------------------------------------

    def _note(self, key: str) -> dict[str, object]:
        return {"metadata": {"lift": key}} if self._metadata else {}

    def _get(self, send: Callable[[], Any], what: str, kind: str) -> dict[str, object]:
        def once() -> dict[str, object]:
            found = record(send())
            if found.get("object") not in (kind, None):
                raise BadAnswer(f"an object of kind {found.get('object')!r}")
            return found

        return self._try(once, what)

    def _pages(self, send: Callable[[Any], Any], what: str):
        """Entries of a list, each once, however the server counts its pages."""
        after, seen = openai.NOT_GIVEN, set()
        for _ in range(PAGES):
            page = self._get(lambda after=after: send(after), what, "list")
            entries = [entry for entry in page.get("data") or [] if entry.get("id") not in seen]
            yield from entries
            if not entries or not page.get("has_more"):
                return
            seen |= {entry.get("id") for entry in entries}
            after = entries[-1]["id"]

    def _create(self, send: Callable[[], Any], what: str) -> dict[str, object]:
        """What `send` creates. Only a 429, which says that nothing was done, is followed by a second request."""

        def once() -> dict[str, object]:
            try:
                made = record(self._translated(send, what, False))
                if not made.get("id"):
                    raise BadAnswer("an object without id")
                return made
            except Transient as error:
                if error.status == 429:
                    raise
                raise Unanswered(told(error)) from None
            except (BadAnswer, json.JSONDecodeError, openai.APIResponseValidationError) as error:
                raise Unanswered(told(error)) from None

        return self._try(once, what)

    def _try(self, send: Callable[[], Any], what: str, patient: bool = False) -> Any:
        """What `send` returns; what may pass is tried again for as long as the session allows."""
        deadline, pause = time.monotonic() + self._patience, FIRST_PAUSE
        while True:
            try:
                return self._translated(send, what, patient)
            except (Transient, BadAnswer, json.JSONDecodeError, openai.APIResponseValidationError) as error:
                asked = getattr(error, "after", None)
                wait = asked if asked is not None else pause * random.uniform(0.5, 1.0)
                if time.monotonic() + wait > deadline:
                    raise UserError(
                        f"{self.host} did not give {what} within {self._patience / 60:g} minutes (--retry-minutes): "
                        f"{told(error)}; finished work is kept: run the same command again later"
                    ) from None
                if self.stopping.wait(wait):
                    raise UserError(f"stopped while {self.host} had not given {what}") from None
                pause = min(2 * pause, LONGEST_PAUSE)

    def _translated(self, send: Callable[[], Any], what: str, patient: bool) -> Any:
        """`send()`, errors of the package turned into Transient or Refused: their own texts may hold parts of a key."""
        try:
            return send()
        except openai.APIStatusError as error:
            ours = {"host": self.host, "key": self._client.api_key, "key_name": self._key_name}
            headers = error.response.headers
            raise meaning(error.status_code, error.body, headers, **ours, what=what, patient=patient) from None
        except (openai.APIConnectionError, OSError) as error:  # a timeout is one of the first
            cause = error.__cause__ or error
            raise Transient(clean(f"no connection ({type(cause).__name__}: {cause})", self._client.api_key)) from None
