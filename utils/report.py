"""One HTML file of all results in a folder: tables, figures, and every answer behind them. No server, no network.

python -m utils.report                                                   # results/ to results/report.html
python -m utils.report --results-dir before after --out compared.html    # two runs side by side
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.resources
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import VERSION, command_line, paths, reporting
from .errors import UserError
from .paths import RESULTS
from .results import Results
from .storage import write_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .reporting.pages import AnsweredRows

AREAS = ("classification", "regression", "others")
MOST_BYTES = 24 * 2**20  # of all data in the file, divided equally among the experiments
FEWER = (2000, 500, 100, 20)  # answers per case, tried in turn until an experiment's data is small enough
LARGEST_SVG = 2**20  # bytes; a larger figure is embedded as a bitmap


@dataclass(frozen=True)
class Config:
    results_dir: tuple[Path, ...] = (RESULTS,)  # one folder, or several whose cases are compared
    out: Path | None = None  # the file to write; default report.html in the first folder
    rows: bool = True  # reread the tables to show answers with their rows and prompts
    quiet: bool = False  # print no progress


def main(config: Config) -> Path:
    """Writes the report, and next to it a CSV and a LaTeX file of every table.

    Raises:
        UserError: no results, or two folders with the same name.
    """
    names = [folder.resolve().name for folder in config.results_dir]
    if len(set(names)) < len(names):
        raise UserError(f"two of the folders are called {names[0]}; rename one, the report identifies them by name")
    found = [
        (run, results)
        for run, folder in zip(names, config.results_dir, strict=True)
        for area in AREAS
        for results in _experiments(folder, area)
    ]
    if not found:
        shown = ", ".join(map(str, config.results_dir))
        raise UserError(f"no results under {shown}; run bash classification/accuracy.sh, or give --results-dir FOLDER")
    out = config.out or config.results_dir[0] / "report.html"
    pages = []
    for number, (run, results) in enumerate(found, start=1):
        if not config.quiet:
            print(f"[{number}/{len(found)}] {results.path}", flush=True)
        pages.append(_page(run if len(names) > 1 else "", results, config, MOST_BYTES // len(found)))
    for page in pages:
        stem = out.with_name(f"{out.stem}_tables") / "_".join(filter(None, [page["run"], page["area"], page["name"]]))
        write_text(stem.with_suffix(".csv"), page["csv"])
        write_text(stem.with_suffix(".tex"), page["latex"])
    write_text(out, _html(pages))
    if not config.quiet:
        print(f"report   {out} ({out.stat().st_size / 1000:,.0f} kB), tables in {out.stem}_tables")
    return out


def _experiments(folder: Path, area: str) -> list[Results]:
    """The experiments of an area that have a finished case."""
    files = sorted((folder / area).glob("*.csv"))
    found = [Results(folder, area, file.stem) for file in files if "." not in file.stem]
    return [results for results in found if _is_experiment(results)]


def _is_experiment(results: Results) -> bool:
    """Whether the CSV holds rows of cases, not a table derived from them."""
    with results.path.open(encoding="utf-8") as file:
        return file.readline().startswith("key,experiment,") and bool(file.readline())


def _page(run: str, results: Results, config: Config, most: int) -> dict[str, Any]:
    from .reporting import pages

    area, name = results.path.parent.name, results.experiment
    script = _script(area, name)
    frame = reporting.latest(results.frame())
    answered_rows: Any = (
        _answered_rows if config.rows else lambda *_: pages.AnsweredRows(reason="rows were not read: --no-rows")
    )
    for n_rows in FEWER:
        content = pages.experiment(results, answered_rows, n_rows)
        data = _packed(content)
        if len(data) <= most:
            break
    question = (script.__doc__ or "").strip().splitlines()[0] if script else ""
    return {
        "id": "/".join(filter(None, [run, area, name])),
        "run": run,
        "area": area,
        "name": name,
        "question": question,
        "line": reporting.digest(frame),
        "figure": _figure(script, frame, results),
        "data": data,
        "csv": content["csv"],
        "latex": content["latex"],
    }


def _script(area: str, name: str) -> Any:
    """The experiment's module; None if this version has none of that name."""
    try:
        return import_module(paths.experiment(area, name))
    except ModuleNotFoundError as error:
        if error.name != paths.experiment(area, name):
            raise
        return None


def _figure(script: Any, frame: pd.DataFrame, results: Results) -> str:
    """The figure as a data URL: an SVG, or the image the run wrote next to its CSV; empty without either."""
    if script is not None:
        try:
            return _svg(script.figure(frame))
        except (KeyError, ValueError) as error:  # rows of a version with other columns
            print(f"note     {results.path}: the figure cannot be drawn ({error})", file=sys.stderr)
    picture = results.sibling(".png")
    return _address("image/png", picture.read_bytes()) if picture.is_file() else ""


def _svg(figure: Figure) -> str:
    import matplotlib as mpl

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lift"}):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    if buffer.tell() <= LARGEST_SVG:
        return _address("image/svg+xml", buffer.getvalue())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return _address("image/png", buffer.getvalue())


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _packed(content: Mapping[str, object]) -> str:
    """JSON, compressed with gzip, in an encoding that is safe in HTML."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _answered_rows(results: Results, row: Mapping[str, object]) -> AnsweredRows:
    """The rows of a case and its prompts, rebuilt from its record; nothing is tuned or sent.

    Only prompts whose hashes match those of the answers are kept.
    """
    from .reporting.pages import AnsweredRows
    from .study import Case, budget, records

    file = results.record_path(str(row["key"]))
    if not file.is_file():
        return AnsweredRows(reason="the run kept no record of its settings")
    record = json.loads(file.read_text("utf-8"))
    try:
        area, _, name = record["module"].rpartition(".")
        script = import_module(paths.experiment(area.rpartition(".")[2], name))
        config = replace(records.decode(script.Config, record["config"]), quiet=True)
        case = Case(**record["case"])
        with budget.offline(config.spending, config.results_dir):
            trial = script.build(case, config)
            if trial.split.X_test.shape[0] != row["n_test"]:
                return AnsweredRows(reason="the table has other rows today")
            cells = trial.split.X_test
            return AnsweredRows(cells, _prompts(results, row, trial))
    except (UserError, ModuleNotFoundError, TypeError, KeyError) as error:
        return AnsweredRows(reason=f"the rows cannot be read again: {error}")


def _prompts(results: Results, row: Mapping[str, object], trial: Any) -> dict[str, str]:
    """The prompts of a LIFT case, by row, without those that show example rows, which need the model."""
    answers = results.answers(str(row["key"]))
    if "prompt_sha256" not in answers or not hasattr(trial.learner, "unfitted_template"):
        return {}
    split = trial.split
    chosen = json.loads(str(row["chosen"]) or "{}")
    settings = {**trial.learner.settings(), **chosen}
    template = trial.learner.unfitted_template(settings).fit(split.X_train, split.y_train.to_numpy())
    hashes = dict(zip(answers["row"], answers["prompt_sha256"], strict=True))
    prompts = dict(zip(map(str, split.X_test.index), template.prompts(split.X_test), strict=True))
    return {
        name: prompt
        for name, prompt in prompts.items()
        if hashlib.sha256(prompt.encode()).hexdigest()[:16] == hashes.get(name)
    }


def _html(pages: list[dict[str, Any]]) -> str:
    """The HTML from `reporting/report.html.j2`, with inline styles and script; all text from the results is escaped."""
    import jinja2

    folder = importlib.resources.files(f"{__package__}.reporting")
    read = {name: (folder / f"report.{name}").read_text("utf-8") for name in ("html.j2", "css", "js")}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(read["html.j2"]).render(
        pages=pages,
        css=read["css"],
        js=read["js"],
        version=VERSION,
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    )


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
