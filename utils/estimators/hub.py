"""Pushes a saved estimator to the Hugging Face Hub, with a model card and only after confirmation."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from . import saved

REPO = re.compile(r"[\w.-]+/[\w.-]+")
CARD = "README.md"


@dataclass(frozen=True)
class Upload:
    """What would be sent: contents or paths of files, by their name in the repository."""

    repo: str
    private: bool
    files: Mapping[str, bytes | Path]

    def summary(self) -> str:
        """What the user should know before agreeing, as lines."""
        size = sum(data.stat().st_size if isinstance(data, Path) else len(data) for data in self.files.values())
        return "\n".join(
            [
                f"push     {self.repo} on the Hub, {'private' if self.private else 'public'}: "
                f"{len(self.files)} files, {size / 1e6:.1f} MB: {', '.join(self.files)}",
                f"         {saved.FACTS} names the columns, their ranges and words; weights can reveal training "
                "rows, and a model with rows in its prompts contains these rows",
            ]
        )


def check(repo: str, yes: bool) -> Any:
    """The Hub's client; checks what would make a push fail, before anything is tuned.

    Raises:
        UserError: not a repository name, nobody to ask, no token, or no network.
    """
    import huggingface_hub

    if not REPO.fullmatch(repo):
        raise UserError(f"--push-to {repo}: give OWNER/NAME, your account and a name for the model")
    if not yes and not sys.stdin.isatty():
        raise UserError(f"--push-to {repo} asks for confirmation, but there is no terminal; agree with --yes")
    api = huggingface_hub.HfApi()
    try:
        api.whoami()
    except Exception as error:  # errors of the client and of its transport: no token, no permission, no network
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"not logged in to the Hub ({reason}); export HF_TOKEN=… with write access") from error
    return api


def upload(folder: Path, repo: str, private: bool = True) -> Upload:
    """The files of a folder written by `saved.save`, and a model card made from its facts.

    Raises:
        UserError: no such folder, or an incomplete one.
    """
    facts = saved.describe(folder)
    if "table" in facts:
        facts["table"] = Path(facts["table"]).name  # do not disclose its folder
    if "model" in facts and Path(facts["model"]).exists():
        facts["model"] = Path(facts["model"]).name
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    files: dict[str, bytes | Path] = {path.relative_to(folder).as_posix(): path for path in paths}
    files[saved.FACTS] = json.dumps(facts, indent=1, ensure_ascii=False).encode()
    is_adapter = f"{saved.MODEL}/adapter_config.json" in files
    files[CARD] = card(facts, repo, is_adapter).encode()
    return Upload(repo, private, dict(sorted(files.items())))


def push(api: Any, payload: Upload, ask: Callable[[str], str] | None) -> str | None:
    """Sends it in one commit, so that a repository never holds a partial model.

    Args:
        api: `huggingface_hub.HfApi` or the like.
        ask: answers a question; None if confirmed beforehand (--yes).

    Returns:
        The URL, or None if the answer was no.

    Raises:
        UserError: the Hub refused it.
    """
    from huggingface_hub import CommitOperationAdd

    print(payload.summary(), flush=True)
    if ask is not None and ask("Push this? [y/N] ").strip().lower() not in ("y", "yes"):
        return None
    files = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in payload.files.items()]
    try:
        api.create_repo(payload.repo, private=payload.private, exist_ok=True)
        api.create_commit(repo_id=payload.repo, operations=files, commit_message="A model tuned by LIFT")
    except Exception as error:  # as in `check`
        raise UserError(
            f"{payload.repo} was not pushed: {error}; the model is kept, and the same command retries"
        ) from error
    return f"https://huggingface.co/{payload.repo}"


def card(facts: Mapping[str, Any], repo: str, is_adapter: bool) -> str:
    """The model card (Markdown with YAML) of a saved estimator."""
    from huggingface_hub import ModelCardData

    task = "regression" if facts["classes"] is None else "classification"
    base = facts.get("model", "")
    head = ModelCardData(
        library_name="peft" if is_adapter else "transformers",
        pipeline_tag=f"tabular-{task}",
        tags=["lift", "tabular"],
        base_model=base if REPO.fullmatch(base) else None,
    )
    scores = facts.get("scores") or {}
    shown = [f"| {name} | {value:.4g} |" for name, value in scores.items() if isinstance(value, int | float)]
    kinds = [f"| {column['name']} | {column['kind']} |" for column in facts["columns"]]
    classes = [f"Classes: {', '.join(map(str, facts['classes']))}.", ""] if facts["classes"] else []
    scored = (
        ["", f"Scores on {scores['n_test']} {facts['scored_on']}:", "", "| | |", "|---|---|", *shown] if shown else []
    )
    name = repo.partition("/")[2]
    return "\n".join(
        [
            f"---\n{head.to_yaml()}\n---",
            "",
            f"# {name}",
            "",
            f"A language model tuned by LIFT ({facts['estimator']}, version {facts['version']}) to predict "
            f"`{facts.get('target', 'the target')}` of `{facts.get('table', 'a table')}` from rows as sentences.",
            *scored,
            "",
            *classes,
            "| column | kind |",
            "|---|---|",
            *kinds,
            "",
            "## Use",
            "",
            f"    hf download {repo} --local-dir {name}",
            f"    bash predict.sh --model-folder {name} --new new.csv --out answers.csv",
            "",
            "`estimator.pickle` can run code when it is opened: use it only if you trust the author. The weights",
            f"alone lie in `{saved.MODEL}/`, a {'peft' if is_adapter else 'transformers'} folder.",
            "",
        ]
    )
