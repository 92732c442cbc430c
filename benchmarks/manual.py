"""The numbers of the manuals: the commands of each entry, and tables generated from committed CSV files.

python -m benchmarks.manual        # rewrites every table of the manuals from the CSV files next to them

An entry (`## NAME` in a folder's README.md) names its commands in the paragraph that begins **Results**. It
shows figures that the commands draw, may keep whole results under runs/ (`<!-- keep: classification/accuracy.csv -->`),
and has tables between two comments. A paragraph that begins **Results with MODEL** has commands of its own, whose
figures and tables are those in the folder MODEL/; it is the entry NAME-MODEL. A table:

    <!-- table: summaries/label_noise_summary.csv
    rows: {dataset}, {share:.0%}
    columns: {method} = {accuracy:.3f} ±{accuracy_sd:.3f}
    -->
    ...
    <!-- end -->

`benchmarks/pivots.py` describes the first comment, `benchmarks/prose.py` the comments `<!-- numbers: FILE ... -->`.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pandas as pd

from benchmarks.pivots import Table
from utils.errors import UserError
from utils.paths import ROOT
from utils.storage import write_text

AREAS = ("benchmarks", "classification", "regression", "others")
TABLE = re.compile(r"^<!-- table: (.*?)-->\n.*?^<!-- end -->$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"`((?:bash|python -m) [^`]+)`")
KEEP = re.compile(r"<!-- keep: (.+?) -->")
FIGURE = re.compile(r"^!\[[^\]]*\]\(([\w./]+)\)", re.MULTILINE)
NUMBERS = re.compile(r"^<!-- numbers: ([^\n]*)\n(.*?)^-->$", re.DOTALL | re.MULTILINE)  # files; lines on the prose
RESULTS = re.compile(r"^\*\*Results(?: with (\w+))?\*\*")  # begins a paragraph; with the model if not the default


@dataclass(frozen=True)
class Entry:
    """A manual's entry on one experiment.

    Attributes:
        area, name: the folder and the experiment.
        commands: the commands behind its numbers, in order.
        files: figures and CSV files that are published from the results, by their path in the folder.
        kept: files and folders of the results that are published unchanged, under runs/.
    """

    area: str
    name: str
    commands: tuple[str, ...]
    files: tuple[str, ...]
    kept: tuple[str, ...] = ()

    def paths(self, results_dir: Path, root: Path) -> dict[Path, Path]:
        """The published files: their paths in the results and in the repository."""
        folder = root / self.area
        shown = {results_dir / self.area / Path(file).name: folder / file for file in self.files}
        return shown | {results_dir / name: folder / "runs" / name for name in self.kept}


def sections(area: str, root: Path = ROOT) -> dict[str, str]:
    """The text of each entry of a folder's manual, by name."""
    path = root / area / "README.md"
    text = path.read_text("utf-8") if path.exists() else ""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0].strip("` "): part for part in parts}


def entries(area: str, root: Path = ROOT) -> list[Entry]:
    """The entries of a folder's manual that give a command."""
    found = []
    for name, section in sections(area, root).items():
        kept = [path for paths in KEEP.findall(section) for path in paths.split()]
        files = [*FIGURE.findall(section), *(table.file for table in tables(section))]
        files += [file for named, _ in NUMBERS.findall(section) for file in named.split()]
        own = [file for file in dict.fromkeys(files) if not file.startswith("..")]
        commands: dict[str, list[str]] = {}
        for part in section.split("\n\n"):
            if first_words := RESULTS.match(part):
                given = [" ".join(command.split()) for command in COMMAND.findall(part)]
                commands.setdefault(first_words[1] or "", []).extend(given)
        others = tuple(f"{model}/" for model in commands if model)
        for model, given in commands.items():
            if given and model:
                shown = tuple(file for file in own if file.startswith(f"{model}/"))
                found.append(Entry(area, f"{name}-{model}", tuple(given), shown))
            elif given:
                shown = tuple(file for file in own if not file.startswith(others))
                found.append(Entry(area, name, tuple(given), shown, tuple(kept)))
    return found


def tables(text: str) -> list[Table]:
    """The tables of a manual or a part of it."""
    return [Table.parse(block) for block in TABLE.findall(text)]


def publish(area: str, name: str, results_dir: Path, root: Path = ROOT) -> None:
    """Copies an entry's files from the results into its folder, and rewrites the tables of the manuals.

    Raises:
        UserError: there is no such entry, or the results lack a file.
    """
    entry = next((entry for entry in entries(area, root) if entry.name == name), None)
    if entry is None:
        raise UserError(f"{area}/README.md has no entry {name} that names its command")
    paths = entry.paths(Path(results_dir), root)
    missing = [str(made) for made in paths if not made.exists()]
    if missing:
        raise UserError(f"the results lack {', '.join(missing)}, which {area}/README.md shows")
    for made, shown in paths.items():
        shown.parent.mkdir(parents=True, exist_ok=True)
        if made.is_dir():
            shutil.rmtree(shown, ignore_errors=True)
            shutil.copytree(made, shown)
        elif made.suffix == ".csv":
            write_text(shown, without_folders(made.read_text("utf-8")))
        else:
            shutil.copyfile(made, shown)
    update(root)


def without_folders(text: str) -> str:
    """The text of a CSV file whose column `source` names files alone, without the folders of this machine."""
    frame = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    local = [source for source in frame.get("source", ()) if Path(source).is_absolute()]
    for source in dict.fromkeys(local):
        text = text.replace(f"{source},", f"{Path(source).name},")
    return text


def update(root: Path = ROOT) -> None:
    """Rewrites the tables of all manuals from the CSV files next to them."""
    for path in filter(Path.exists, [root / "README.md", *(root / area / "README.md" for area in AREAS)]):
        text = path.read_text("utf-8")
        if (new := filled(text, path.parent)) != text:
            write_text(path, new)


def filled(text: str, folder: Path) -> str:
    """`text` with every table updated whose CSV file is in `folder`. Raises UserError like `Table.markdown`."""

    def written(block: re.Match) -> str:
        table = Table.parse(block[1])
        path = folder / table.file
        if not path.exists():
            return block[0]
        return f"<!-- table: {block[1]}-->\n\n{table.markdown(pd.read_csv(path))}\n\n<!-- end -->"

    return TABLE.sub(written, text)


if __name__ == "__main__":
    update()
