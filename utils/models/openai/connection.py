"""A connection to a server with an OpenAI-compatible API. Only this module and `transport` import openai.

OPENAI_BASE_URL and OPENAI_API_KEY set the server and the key; OPENAI_INFERENCE_BASE_URL and OPENAI_INFERENCE_API_KEY
those of the inference server, if it is a different one. A key is read from the environment when a connection is made
and is used only in its requests.

The package only sends; replies are parsed by `reading`. The package's errors are translated here, in one place.
Temporary failures (no answer, 408, 409, 429, 5xx, a page instead of JSON) are retried until the session's time
limit, except for the creation of a job or batch; everything else ends the run.
"""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import openai

from ...errors import UserError
from . import reading, transport
from .jobs import Unanswered
from .providers import host
from .reading import checked, record, usable
from .replies import Refused, Transient, clean, meaning
from .wire import BadAnswer, Job

TIMEOUT = 120.0  # seconds for one request
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between tries, doubled each time, if the server gives none
LEAST_PAUSE = 0.05  # minimum, if it gives less
BROKEN_TRIES = 3  # for an unreadable answer, which was billed
NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")  # errors before the request was sent
PAGES = 50  # most pages of a list that are read
PAGE = 100  # entries of a page
SECRET = 16  # minimum length of a real key; "none" is not one
ABSENT = (400, 403, 404, 405, 422, 501)  # statuses of a server without, for example, a list of checkpoints

T = TypeVar("T", bound=reading.Object)


class Connection:
    """One server and one key.

    Args:
        url: base URL.
        key_name: the environment variable that holds the key.
        retry_minutes: how long one request is retried.
        metadata: whether jobs and batches carry our mark in their metadata; a job always has it in its suffix.
    """

    def __init__(self, url: str, key_name: str, retry_minutes: float, metadata: bool = True) -> None:
        self.url = url
        self.host = host(url)
        self._key_name = key_name
        self._patience = 60 * retry_minutes
        self._metadata = metadata
        self.stopping = threading.Event()  # when set: no retries; requests under way are still awaited
        key = os.environ.get(key_name, "").strip()
        if not key:
            raise UserError(
                f"{key_name} is not set; export it (any text for a server of your own that needs no key), or run the "
                "local model with --model lift-tiny"
            )
        try:
            key.encode("latin-1")
        except UnicodeEncodeError:
            raise UserError(f"the key in {key_name} contains characters that no key has; export it again") from None
        how = {"base_url": url, "api_key": key, "max_retries": 0, "timeout": TIMEOUT}
        answers = transport.Client(transport.ANSWER_BYTES, transport.ANSWER_SECONDS)
        files = transport.Client(transport.FILE_BYTES, transport.FILE_SECONDS)
        self._client = openai.OpenAI(**how, http_client=answers)
        self._files = openai.OpenAI(**how, http_client=files).files.with_raw_response
        self._jobs = self._client.fine_tuning.jobs.with_raw_response
        for client in (answers, files):
            weakref.finalize(self, client.close)

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
            check: raises BadAnswer if a response is not what was asked for.
            patient: whether the model is so new that the server may not know it yet.
            lost: called with path, request and a number for each answer that was broken or never arrived after the
                request was sent: it may have been billed.
        """
        n_broken = n_unsure = 0

        def once() -> dict[str, object]:
            nonlocal n_broken, n_unsure
            try:
                sent = {"body": request, "cast_to": openai.HttpxBinaryResponseContent}
                response = record(self._client.post(path.removeprefix("/v1"), **sent).content)
                check(response)
                return response
            except (openai.APIConnectionError, OSError) as error:
                if type(error.__cause__ or error).__name__ not in NEVER_SENT:
                    n_unsure += 1
                    lost(path, request, -n_unsure)
                raise
            except BadAnswer as error:
                n_broken += 1
                lost(path, request, n_broken)
                message = self.clean(str(error))
                if n_broken >= BROKEN_TRIES:
                    raise UserError(
                        f"{self.host} answered {n_broken} times with {message}; nothing was made of it"
                    ) from None
                raise Transient(message) from None

        return self._try(once, f"an answer of {request['model']}", patient)

    # ---- files, jobs, batches ---------------------------------------------------------------------------------------

    def upload(self, name: str, data: bytes, purpose: str) -> str:
        """Sends a file and returns its id."""

        def once() -> reading.File:
            return self._object(reading.File, self._files.create(file=(name, data), purpose=purpose).content)

        made = self._try(once, "a file")
        if made.status == "error":
            reason = self.clean(str(made.status_details or "no reason was given"))
            raise UserError(f"{self.host} refused the file {name}: {reason}")
        return made.id

    def create_job(self, job: Job, key: str, state: dict[str, object]) -> str:
        """Creates a job with a single request, never retried, and returns its id.

        Raises:
            Unanswered: the job may or may not exist.
            UserError: it was refused.
        """
        more = {"validation_file": state["validation_file"]} if "validation_file" in state else {}
        more |= {} if job.seed is None else {"seed": job.seed}
        return self._create(
            lambda: self._jobs.create(
                model=job.model,
                training_file=str(state["training_file"]),
                method={"type": "supervised", "supervised": {"hyperparameters": job.hyperparameters}},
                suffix=f"lift-{key[:12]}",
                **self._note(key),
                extra_body=job.extra or None,
                **more,
            ),
            f"a fine-tuning job for {job.model}",
            reading.Job,
        )

    def find_job(self, key: str, model: str) -> str | None:
        """The id of the job with our mark, or None."""
        mark = f"lift-{key[:12]}"
        for found in self._pages(lambda after: self._jobs.list(after=after, limit=PAGE), "the jobs"):
            if _note(found) == key or found.get("user_provided_suffix") == mark:
                return self._listed(found, "job")
        return None

    def job(self, id: str) -> reading.Job:
        """The current state of a job."""
        return self._get(lambda: self._jobs.retrieve(id), f"job {id}", reading.Job)

    def events(self, id: str, seen: set[str]) -> list[str]:
        """Messages of a job's newest events that are not in `seen`, oldest first; they are added to it."""
        page = self._get(lambda: self._jobs.list_events(id, limit=PAGE), f"events of {id}", reading.Page)
        new = {event.id: event for event in usable(reading.Event, page.data) if event.id not in seen}
        seen |= set(new)
        return [self.clean(event.message) for event in reversed(new.values())]

    def checkpoints(self, id: str) -> dict[int, str]:
        """Update → model, for the job's checkpoints; empty if the server keeps none."""
        kept = self._client.fine_tuning.jobs.checkpoints.with_raw_response

        def once() -> dict[int, str]:
            page = self._object(reading.Page, kept.list(id, limit=PAGE).content)
            found = [self._secret(checked(reading.Checkpoint, entry)) for entry in page.data or []]
            return {saved.step_number: saved.fine_tuned_model_checkpoint for saved in found}

        try:
            return self._try(once, f"checkpoints of {id}")
        except Refused as error:
            if error.status in ABSENT:
                return {}
            raise

    def create_batch(self, file: str, path: str, key: str) -> str:
        """Creates a batch with a single request, never retried; raises as `create_job`."""
        return self._create(
            lambda: self._client.batches.with_raw_response.create(
                input_file_id=file, endpoint=path, completion_window="24h", **self._note(key)
            ),
            "a batch",
            reading.Batch,
        )

    def find_batch(self, key: str) -> str | None:
        """The id of the batch with our mark, or None."""
        batches = self._client.batches.with_raw_response
        for found in self._pages(lambda after: batches.list(after=after, limit=PAGE), "the batches"):
            if _note(found) == key:
                return self._listed(found, "batch")
        return None

    def batch(self, id: str) -> reading.Batch:
        """The current state of a batch."""
        return self._get(lambda: self._client.batches.with_raw_response.retrieve(id), f"batch {id}", reading.Batch)

    def download(self, id: str) -> bytes:
        """A file's bytes."""
        return self._try(lambda: self._files.content(id).content, f"file {id}")

    def model(self, name: str) -> reading.Listed | None:
        """The server's entry for a model, or None if it has no list of models.

        Raises:
            UserError: it has a list, and the model is not in it.
        """
        try:
            page = self._get(self._client.models.with_raw_response.list, "the list of models", reading.Page)
        except Refused as error:
            if error.status in (404, 405, 501):
                return None
            raise
        listed = {entry.id: entry for entry in usable(reading.Listed, page.data)}
        if listed and name not in listed:
            some = self.clean(", ".join(sorted(listed)[:10]))
            raise UserError(f"{self.host} has no model {name!r}; it lists {some}{', …' if len(listed) > 10 else ''}")
        return listed.get(name)

    def clean(self, text: str) -> str:
        """A server's text, made safe to show."""
        return clean(text, self._client.api_key)

    # ---- one request ------------------------------------------------------------------------------------------------

    def _note(self, key: str) -> dict[str, object]:
        return {"metadata": {"lift": key}} if self._metadata else {}

    def _object(self, kind: type[T], data: bytes) -> T:
        return self._secret(checked(kind, record(data)))

    def _secret(self, found: T) -> T:
        """The same object. Raises BadAnswer if an id or a status contains our key, since these are shown and stored."""
        key = self._client.api_key
        if len(key) >= SECRET and any(isinstance(value, str) and key in value for value in vars(found).values()):
            raise BadAnswer("an object that holds our key")
        return found

    def _get(self, send: Callable[[], Any], resource: str, kind: type[T]) -> T:
        return self._try(lambda: self._object(kind, send().content), resource)

    def _pages(self, send: Callable[[Any], Any], resource: str):
        """Entries of a list, each once, however the server paginates."""
        after, seen = openai.NOT_GIVEN, set()
        for _ in range(PAGES):
            page = self._get(lambda after=after: send(after), resource, reading.Page)
            entries = [(repr(entry.get("id")), entry) for entry in page.data or []]
            new = {id: entry for id, entry in entries if id not in seen}
            yield from new.values()
            ids = [entry["id"] for entry in new.values() if isinstance(entry.get("id"), str)]
            if not ids or not page.has_more:
                return
            seen |= set(new)
            after = ids[-1]

    def _listed(self, entry: dict[str, object], resource: str) -> str:
        """The id of a listed job or batch that is ours.

        Raises:
            UserError: the id is invalid. The object exists and is paid for, so no other may be created.
        """
        try:
            return self._secret(checked(reading.Entry, entry)).id
        except BadAnswer as error:
            raise UserError(
                f"{self.host} lists our {resource} as {self.clean(str(error))}, so it cannot be asked for; it is not "
                "bought again: look at it there"
            ) from None

    def _create(self, send: Callable[[], Any], resource: str, kind: type[T]) -> str:
        """The id of what `send` creates. Only a 429, which means that nothing was done, is retried."""

        def once() -> str:
            try:
                return self._object(kind, self._translated(send, resource, False).content).id
            except Transient as error:
                if error.status == 429:
                    raise
                raise Unanswered(str(error)) from None
            except BadAnswer as error:
                raise Unanswered(self.clean(str(error))) from None

        return self._try(once, resource)

    def _try(self, send: Callable[[], Any], resource: str, patient: bool = False) -> Any:
        """What `send` returns; temporary failures are retried for as long as the session allows."""
        deadline, pause = time.monotonic() + self._patience, FIRST_PAUSE
        while True:
            try:
                return self._translated(send, resource, patient)
            except (Transient, BadAnswer) as error:
                retry_after = getattr(error, "after", None)
                wait = max(retry_after, LEAST_PAUSE) if retry_after is not None else pause * random.uniform(0.5, 1.0)
                if time.monotonic() + wait > deadline:
                    raise UserError(
                        f"{self.host} did not give {resource} within {self._patience / 60:g} minutes "
                        f"(--retry-minutes): {self.clean(str(error))}; finished work is kept: run the same command "
                        "again later"
                    ) from None
                if self.stopping.wait(wait):
                    raise UserError(f"stopped while {self.host} had not given {resource}") from None
                pause = min(2 * pause, LONGEST_PAUSE)

    def _translated(self, send: Callable[[], Any], resource: str, patient: bool) -> Any:
        """`send()`, the package's errors become Transient or Refused, since their texts may contain parts of a key."""
        try:
            return send()
        except openai.APIStatusError as error:
            ours = {"host": self.host, "key": self._client.api_key, "key_name": self._key_name}
            try:
                body = record(error.response.content)
            except BadAnswer:
                body = None
            headers = error.response.headers
            raise meaning(error.status_code, body, headers, **ours, resource=resource, patient=patient) from None
        except (openai.APIConnectionError, OSError) as error:  # includes timeouts
            cause = error.__cause__ or error
            raise Transient(self.clean(f"no connection ({cause or type(cause).__name__})")) from None


def _note(entry: dict[str, object]) -> object:
    """The mark in a listed object's metadata."""
    notes = entry.get("metadata")
    return notes.get("lift") if isinstance(notes, dict) else None
