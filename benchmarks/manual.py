"""The manuals and their numbers: what each entry says made them, and tables that are written from committed CSV files.

python -m benchmarks.manual        # writes every table of the manuals again, from the CSV files beside them

An entry (`## NAME` in a folder's README.md) names its commands in the paragraph that begins **What came out here**, or
in a comment `<!-- run: COMMAND -->`; it shows figures that the commands draw, may keep whole results under runs/
(`<!-- keep: classification/accuracy.csv -->`), and has tables between two comments:

    <!-- table: summaries/label_noise_summary.csv
    rows: {dataset}, {share:.0%}
    columns: {method} = {accuracy:.3f} ±{accuracy_sd:.3f}
    where: kind == 'random'
    names: network:n=500,epoch=80 → network
    -->
    ...
    <!-- end -->

The CSV has a line for each cell. `rows`, `columns` and what follows the = are format strings over its columns; there
may be several lines of `columns`, one for each cell that a line of the CSV gives. `corner` is the head of the first
column, `where` a condition of pandas' `query`, `names` replaces texts in the heads of rows and columns. The text of
`<!-- table: FILE by MODULE:FUNCTION -->` is made by a function of the frame.
"""

from __future__ import annotations

import re
import shutil
import string
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pandas as pd

from utils import report
from utils.errors import UserError
from utils.results import ROOT, write_text

AREAS = ("benchmarks", "classification", "regression", "others")
MISSING = "–"
TABLE = re.compile(r"<!-- table: (.*?)-->\n.*?<!-- end -->", re.DOTALL)
COMMAND = re.compile(r"`((?:bash|python -m) [^`]+)`")
RUN = re.compile(r"<!-- run: (.+?) -->")
KEEP = re.compile(r"<!-- keep: (.+?) -->")
FIGURE = re.compile(r"^!\[[^\]]*\]\(([\w.]+)\)", re.MULTILINE)
FIRST_WORDS = "**What came out here**"


@dataclass(frozen=True)
class Entry:
    """What a manual says about one of its experiments.

    Attributes:
        area, name: the folder and the experiment.
        commands: what made its numbers, in order.
        files: figures and CSV files that are published from the results, by their place in the folder.
        kept: files and folders of the results that are published as they are, under runs/.
    """

    area: str
    name: str
    commands: tuple[str, ...]
    files: tuple[str, ...]
    kept: tuple[str, ...] = ()

    def places(self, results_dir: Path, root: Path) -> dict[Path, Path]:
        """What is published: its place in the results and in the repository."""
        folder = root / self.area
        shown = {results_dir / self.area / Path(file).name: folder / file for file in self.files}
        return shown | {results_dir / place: folder / "runs" / place for place in self.kept}


def entries(area: str, root: Path = ROOT) -> list[Entry]:
    """The entries of a folder's manual that name a command."""
    found, path = [], root / area / "README.md"
    text = path.read_text("utf-8") if path.exists() else ""
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name = section.partition("\n")[0].strip("` ")
        said = [part for part in section.split("\n\n") if part.startswith(FIRST_WORDS)]
        kept = [place for places in KEEP.findall(section) for place in places.split()]
        commands = [*RUN.findall(section), *(command for part in said for command in COMMAND.findall(part))]
        files = [*FIGURE.findall(section), *(_parsed(spec)["file"] for spec in TABLE.findall(section))]
        own = [file for file in dict.fromkeys(files) if not file.startswith("..")]
        if commands:
            found.append(Entry(area, name, tuple(commands), tuple(own), tuple(kept)))
    return found


def publish(area: str, name: str, results_dir: Path, root: Path = ROOT) -> None:
    """Copies what an entry shows from the results into its folder, and writes the tables of the manuals again.

    Raises:
        UserError: there is no such entry, or the results lack a file.
    """
    entry = next((entry for entry in entries(area, root) if entry.name == name), None)
    if entry is None:
        raise UserError(f"{area}/README.md has no entry {name} that names its command")
    places = entry.places(Path(results_dir), root)
    lacking = [str(made) for made in places if not made.exists()]
    if lacking:
        raise UserError(f"the results lack {', '.join(lacking)}, which {area}/README.md shows")
    for made, shown in places.items():
        shown.parent.mkdir(parents=True, exist_ok=True)
        if made.is_dir():
            shutil.rmtree(shown, ignore_errors=True)
            shutil.copytree(made, shown)
        else:
            shutil.copyfile(made, shown)
    update(root)


def update(root: Path = ROOT) -> None:
    """Writes the tables of all manuals again, from the CSV files beside them."""
    for path in filter(Path.exists, [root / "README.md", *(root / area / "README.md" for area in AREAS)]):
        text = path.read_text("utf-8")
        if (new := filled(text, path.parent)) != text:
            write_text(path, new)


def filled(text: str, folder: Path) -> str:
    """`text` with every table whose CSV file is there; the others stay as they are. Raises UserError as `table`."""

    def one(block: re.Match) -> str:
        spec = _parsed(block[1])
        path = folder / spec["file"]
        return (
            f"<!-- table: {block[1]}-->\n\n{table(spec, pd.read_csv(path))}\n\n<!-- end -->"
            if path.exists()
            else block[0]
        )

    return TABLE.sub(one, text)


def specs(text: str) -> Iterator[dict]:
    """The tables of a manual, as `table` takes them."""
    return map(_parsed, TABLE.findall(text))


def table(spec: dict, frame: pd.DataFrame) -> str:
    """The table in Markdown.

    Raises:
        UserError: a format string names a column that the frame lacks, or two lines of the frame have one cell.
    """
    frame = frame.query(spec["where"]) if "where" in spec else frame
    if "by" in spec:
        module, _, function = spec["by"].partition(":")
        return getattr(import_module(module), function)(frame)
    cells: dict[tuple[str, str], str] = {}
    order: dict[str, tuple] = {}
    for line in frame.to_dict("records"):
        row = _head(spec["rows"], line, spec["names"])
        groups = [_head(title, line, spec["names"]) for title, _ in spec["columns"]]
        for number, (column, (_, cell)) in enumerate(zip(groups, spec["columns"], strict=True)):
            if cells.setdefault((row, column), text := _cell(cell, line)) != text:
                raise UserError(f"{spec['file']} has two values for {row} and {column}: {cells[row, column]}, {text}")
            order.setdefault(column, (_place(groups[0]), number))
    rows, columns = sorted({row for row, _ in cells}, key=_place), sorted(order, key=order.get)
    lines = [{spec["corner"]: row} | {c: cells.get((row, c), MISSING) for c in columns} for row in rows]
    return report.markdown_table(pd.DataFrame(lines))


def pivot(frame: pd.DataFrame) -> str:
    """The table of a summary as every study prints it."""
    return report.markdown_table(report.pivot(frame).reset_index(names=""))


class _Fields(string.Formatter):
    """Format strings over a line of a CSV file; a missing value is MISSING, whatever its format."""

    def get_field(self, field_name, args, kwargs):
        if field_name not in kwargs:
            raise UserError(f"no column {field_name!r}; have {', '.join(kwargs)}")
        return kwargs[field_name], field_name

    def format_field(self, value, format_spec):
        return MISSING if pd.isna(value) else format(value, format_spec)


def _cell(form: str, line: dict) -> str:
    text = _Fields().vformat(form, (), line)
    for rest in (f" ±{MISSING}", f" ({MISSING})"):
        text = text.replace(rest, "")
    return text if re.search(r"\w", text) else MISSING


def _head(form: str, line: dict, names: list[tuple[str, str]]) -> str:
    text = re.sub(f"(,? |:){MISSING}", "", _Fields().vformat(form, (), line))
    for old, new in names:
        text = text.replace(old, new)
    return text


def _place(head: str) -> list[tuple]:
    """Where a row or a column stands: learners as everywhere, anything else by its text, numbers by their value."""
    key = []
    for word in head.split(", "):
        name = re.split(r"[ :(]", word)[0]
        known = report.ORDER.index(name) if name in report.ORDER else report.ORDER.index("lift") - 0.5
        parts = re.split(r"(\d+(?:\.\d+)?)", word)
        key.append((known, [(float(part), "") if i % 2 else (-1.0, part) for i, part in enumerate(parts)]))
    return key


def _parsed(spec: str) -> dict:
    """The parts of a table's comment: file, by, corner, rows, columns, where, names."""
    first, *lines = (line.strip() for line in spec.strip().splitlines())
    file, _, by = first.partition(" by ")
    parsed: dict = {"file": file, "corner": "", "columns": [], "names": []} | ({"by": by} if by else {})
    for line in lines:
        key, _, value = line.partition(": ")
        if key == "columns":
            parsed[key].append(tuple(value.rsplit(" = ", 1)))
        elif key == "names":
            parsed[key].append(tuple(value.split(" → ")))
        elif key in ("rows", "where", "corner"):
            parsed[key] = value
        else:
            raise UserError(
                f"a table of {file} has the line {line!r}; known are rows, columns, where, names and corner"
            )
    return parsed


if __name__ == "__main__":
    update()
