"""Predictions for new rows: tunes LIFT once on a table, keeps the model in a folder, and answers with it.

python -m utils.predict train.csv --target y --new new.csv --out answers.csv
python -m utils.predict train.csv --target y --new more.csv --out more_answers.csv      # the kept model answers
python -m utils.predict --model-folder my-model --new new.csv --out answers.csv         # without the training table
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro
from filelock import FileLock

from . import command_line, estimators, models, study, tables
from .errors import CannotDo, UserError
from .estimators import hub, saved
from .paths import RESULTS
from .storage import write_text
from .study import table_check
from .tables import new_rows
from .tables.disguises import Account
from .tables.new_rows import Column

if TYPE_CHECKING:
    import pandas as pd

    from .estimators import LIFT
    from .study import Trial

SCORED = ("accuracy", "rae_mean_filled", "n_invalid", "chance")  # the scores printed, if available


@dataclass(frozen=True)
class Config:
    table: Annotated[str, tyro.conf.Positional] = ""  # to tune on: a CSV or Parquet file, or a name of data/README.md
    target: str = ""  # the column to predict; the last one if empty
    new: Path | None = None  # rows to predict, CSV or Parquet; without it the model is only tuned and kept
    out: Path = Path("answers.csv")  # one line per new row, in the same order
    model_folder: Path | None = None  # where the tuned model is kept; by default a folder under results/models
    task: Literal["auto", "classification", "regression"] = "auto"  # set it if the target suggests the wrong task
    as_text: tuple[str, ...] = ()  # columns to read as text though they look numeric
    group: str = ""  # split by whole groups of this column, which is then not a feature
    time: str = ""  # split in the order of this column, which is then not a feature
    check: bool = False  # only report how the table is read and what looks wrong with it
    all_rows: bool = False  # tune on the test rows too; there is then no score on held-out rows
    seed: int = 0  # of the split and all other randomness
    model: str = "lift-tiny"  # or a folder, or a Hugging Face id
    adapter: str = ""  # full, lora, …; default: the recipe's
    quantization: Literal["none", "8bit", "4bit"] = "none"  # of the base model under an adapter, on CUDA
    epochs: int | None = None  # default: the recipe's
    class_weight: tuple[str, ...] = ()  # balanced, or CLASS=WEIGHT …; a weight repeats the rows of its class
    quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)  # of numeric answers
    device: str = "auto"  # cpu, cuda or mps
    push_to: str = ""  # OWNER/NAME on the Hugging Face Hub to upload the kept model to, with a model card; asks first
    public: bool = False  # make the uploaded model public, not private
    yes: bool = False  # upload without asking
    redo: bool = False  # tune again and replace the kept model
    overwrite: bool = False  # replace another file at --out
    quiet: bool = False  # print problems only

    def study(self) -> study.Config:
        """The equivalent flags of a study."""
        columns = ("target", "task", "as_text", "group", "time")
        others = ("check", "model", "adapter", "quantization", "epochs", "class_weight", "device", "quiet")
        return study.Config(**{name: getattr(self, name) for name in (*columns, *others)})


def main(config: Config) -> None:
    """Tunes a model unless it is kept already, and writes the answers.

    Raises:
        UserError: an unusable table, model or new row; a kept model that was tuned differently; an existing file at
            --out.
    """
    if not config.table and config.model_folder is None:
        raise UserError("no table to tune on; run predict.sh train.csv --target COLUMN, or give --model-folder")
    if models.is_remote(config.model):
        raise UserError(
            f"{config.model} is tuned and kept by its server; predict needs a local model: --model lift-tiny, a folder "
            "or a Hugging Face id"
        )
    if not all(0 < share < 1 for share in config.quantiles):
        raise UserError("--quantiles must be shares between 0 and 1, such as 0.05 0.5 0.95")
    if config.all_rows and config.time:
        raise UserError("--all-rows would tune on the latest rows, which --time keeps for the score; leave one out")
    api = hub.check(config.push_to, config.yes) if config.push_to and not config.check else None
    trial = _trial(config) if config.table else None
    if config.check:
        return
    folder = config.model_folder or _folder(config, trial)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        is_kept = not config.redo and (folder / saved.FACTS).exists()
        facts = saved.describe(folder) if is_kept or trial is None else None
        if facts and trial:
            _check_same(folder, facts, _identity(trial))
        rows = _rows(config, facts["read"], facts["target"]) if facts and config.new else None
        if facts is None:
            if config.new:
                if config.out.exists() and not config.overwrite:
                    raise UserError(_in_the_way(config.out))
                rows = _rows(config, [column.to_json() for column in _columns(config, trial)], trial.split.y_train.name)
            facts = _tune(config, trial, folder)
        elif not config.quiet:
            print(f"model    {folder}, kept since {facts['finished_at'][:10]} (version {facts['version']})")
    if not config.quiet:
        print(f"scores   {_scores(facts)}")
    if rows is not None:
        _answer(config, estimators.load(folder), facts, rows)
    if api is not None:
        address = hub.push(api, hub.upload(folder, config.push_to, not config.public), None if config.yes else input)
        print(f"pushed   {address}" if address else "pushed   nothing")


def _trial(config: Config) -> Trial:
    """The rows to tune on, and the learner; prints how the table was read.

    Raises:
        UserError: an unusable table, or incompatible settings.
    """
    flags, table = config.study(), _table(config)
    case = study.Case(config.table, "lift", config.seed)
    trial = study.trial(case, replace(flags, task=table.task), table.task)
    if config.check or not config.quiet:
        table_check.show(table_check.look(trial, table, config.seed, flags), config.check)
    if config.all_rows:
        trial = replace(trial, split=_with_test_rows(trial.split))
    return trial


def _with_test_rows(split: Any) -> Any:
    """The split with its test rows added to the training rows; the validation rows take their place."""
    import pandas as pd

    X, y = (pd.concat([getattr(split, f"{kind}_train"), getattr(split, f"{kind}_test")]) for kind in "Xy")
    held = {"X_test": split.X_validation, "y_test": split.y_validation}
    return replace(split, X_train=X, y_train=y, **held)


def _table(config: Config) -> tables.AnyTable:
    task = None if config.task == "auto" else config.task
    columns = {name: getattr(config, name) or None for name in ("target", "group", "time")}
    return study.load(config.table, **columns, task=task, as_text=config.as_text)


def _columns(config: Config, trial: Trial) -> list[Column]:
    """How the columns of the training rows were read."""
    account = getattr(_table(config), "account", Account())
    return [Column.of(trial.split.X_train[name], account) for name in trial.split.X_train]


def _identity(trial: Trial) -> dict[str, str]:
    """What a kept model must have been tuned with to be reused, by the name used in messages."""
    learner = json.dumps(trial.learner.describe(), sort_keys=True, default=str)
    return {
        "rows": trial.split.fingerprint(),
        "target": str(trial.split.y_train.name),
        "settings": hashlib.sha256(learner.encode()).hexdigest(),
    }


def _check_same(folder: Path, facts: dict[str, Any], identity: dict[str, str]) -> None:
    before = facts.get("identity", {})
    other = [name for name, value in identity.items() if before.get(name) != value]
    if other:
        source = f"{facts.get('table', 'from Python')}, version {facts['version']}"
        raise UserError(
            f"the model in {folder} was tuned with other {' and '.join(other)} ({source}); give another "
            "--model-folder, --redo to tune again in its place, or leave out the table to use it as it is"
        )


def _folder(config: Config, trial: Trial) -> Path:
    """The default folder for a table, target and learner."""
    text = json.dumps(_identity(trial), sort_keys=True)
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in Path(config.table).name.partition(".")[0])
    return RESULTS / "models" / f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _tune(config: Config, trial: Trial, folder: Path) -> dict[str, Any]:
    trial.check()
    split = trial.split
    parts = f"{len(split.X_train):,} rows, {len(split.X_validation):,} more choose the epoch"
    if not config.quiet:
        print(f"tuning   {config.model} on {parts}", flush=True)
    scores, _ = trial.run()
    trial.learner.save(
        folder,
        table=config.table,
        model=config.model,
        target=str(split.y_train.name),
        task=split.task,
        seed=config.seed,
        identity=_identity(trial),
        read=[column.to_json() for column in _columns(config, trial)],
        scored_on="validation rows, which chose the epoch" if config.all_rows else "test rows",
        scores=scores,
        finished_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )
    if not config.quiet:
        print(f"model    {folder}")
    return saved.describe(folder)


def _scores(facts: dict[str, Any]) -> str:
    scores = facts.get("scores")
    if not scores:
        return "none: the model was saved from Python"
    text = ", ".join(f"{name} {scores[name]:.4g}" for name in SCORED if name in scores)
    return f"on {scores['n_test']:,} {facts['scored_on']}: {text}"


def _rows(config: Config, columns: Sequence[dict[str, Any]], target: str) -> pd.DataFrame:
    """The new rows, read as the training rows were; prints what is unusual about them."""
    frame, notes = new_rows.read(config.new, [Column.from_json(column) for column in columns], target)
    if not config.quiet:
        for sentence in notes:
            print(f"note     {config.new}: {sentence}")
    return frame


def _answer(config: Config, estimator: LIFT, facts: dict[str, Any], rows: pd.DataFrame) -> None:
    frame, reason = answers(estimator, rows, facts["target"], config.quantiles)
    text = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    n_none = int(frame[facts["target"]].isna().sum())
    before = config.out.read_bytes() if config.out.exists() else None
    if before is not None and before != text.encode() and not config.overwrite:
        raise UserError(_in_the_way(config.out))
    if before != text.encode():
        write_text(config.out, text)
    if config.quiet:
        return
    if reason:
        print(f"note     no {'probabilities' if facts['task'] == 'classification' else 'quantiles'}: {reason}")
    if n_none:
        print(f"note     {n_none} of {len(frame)} answers are unreadable; their cells are empty")
    print(f"answers  {config.out}, {len(frame):,} rows{', as it was' if before == text.encode() else ''}")


def _in_the_way(out: Path) -> str:
    return f"{out} exists and may hold other data; give another --out, or --overwrite to replace it"


def answers(
    estimator: LIFT, rows: pd.DataFrame, target: str, quantiles: Sequence[float] = (0.05, 0.5, 0.95)
) -> tuple[pd.DataFrame, str]:
    """The answers of a fitted estimator for rows, as a table.

    Returns:
        One line per row: `row` (from 0), the answer in a column named like the target (missing if unreadable), then
        p_CLASS for each class, or sd and q0.05, q0.5, …; and the reason if these columns are missing, else "".
    """
    import pandas as pd

    number = "row" if target != "row" else "row number"
    frame, reason = pd.DataFrame({number: np.arange(len(rows)), target: estimator.predict(rows)}), ""
    try:
        if estimator.task == "classification":
            more = estimator.predict_proba(rows)
            names = [f"p_{label}" for label in estimator.classes_]
        else:
            distribution = estimator.predict_distribution(rows)
            more = np.column_stack([distribution.std(), distribution.quantiles(quantiles)])
            names = ["sd", *(f"q{share:g}" for share in quantiles)]
        frame = pd.concat([frame, pd.DataFrame(more, columns=names)], axis=1)
    except CannotDo as error:
        reason = str(error)
    return frame, reason


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
