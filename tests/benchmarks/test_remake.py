"""All numbers again: steps from the manuals, resumed after a kill; tables of the manuals from CSV files."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import manual, pivots, readme, steps
from benchmarks.pivots import Table
from benchmarks.remake import Config, main
from tests.conftest import ROOT
from tests.test_layout import SCRIPTS
from utils.errors import UserError

MANUALS = [ROOT / "README.md", *(ROOT / area / "README.md" for area in manual.AREAS)]
SUMMARY = pd.DataFrame(
    [
        ("wine", "lift", 0.2, "random", 0.91234, 0.01),
        ("wine", "svm", 0.2, "random", 0.95, float("nan")),
        ("wine", "svm", 0.0, "random", 1.0, float("nan")),
        ("iris:n=100", "svm", 0.0, "random", float("nan"), float("nan")),
        ("iris:n=100", "svm", 0.0, "next", 0.5, 0.1),
    ],
    columns=["dataset", "method", "share", "kind", "accuracy", "accuracy_sd"],
)

# ---- tables -------------------------------------------------------------------------------------------------------


def test_a_table_is_what_its_comment_says():
    table = Table.parse(
        """summaries/x_summary.csv
        corner: set, share
        where: kind == 'random'
        rows: {dataset}, {share:.0%}
        columns: {method} = {accuracy:.3f} ±{accuracy_sd:.3f}
        columns if method == 'lift': its share = {share:g}
        names: :n=100 →
        names: wine → Wine
        """
    )
    assert table.file == "summaries/x_summary.csv"
    assert table.markdown(SUMMARY).splitlines() == [
        "| set, share | svm | lift | its share |",
        "|---|---|---|---|",
        "| Wine, 0% | 1.000 | – | – |",
        "| Wine, 20% | 0.950 | 0.912 ±0.010 | 0.2 |",
        "| iris, 0% | – | – | – |",
    ]


def test_lines_that_differ_in_one_column_become_their_mean():
    frame = SUMMARY.assign(seed=range(5), dataset="wine", share=0.0, method="svm", kind="random")
    frame = frame.assign(accuracy=[0.1, 0.2, 0.3, 0.4, 0.5])
    spec = "x.csv\nrows: {method}\ncolumns: {dataset} = {accuracy:.2f} ±{accuracy_sd:.3f}"
    assert "| svm | 0.30 ±0.158 |" in Table.parse(f"{spec}\nover: seed").markdown(frame)
    with pytest.raises(UserError, match=r"svm, wine is 0.10 ±0.010 and 0.20"):
        Table.parse(spec).markdown(frame)


def test_what_a_comment_gets_wrong_is_said():
    with pytest.raises(UserError, match="'colour: red'; known are rows"):
        Table.parse("x.csv\ncolour: red")
    with pytest.raises(UserError, match="no column 'accurracy'; have dataset, method"):
        Table.parse("x.csv\nrows: {method}\ncolumns: {dataset} = {accurracy}").markdown(SUMMARY)


def test_heads_are_in_the_order_of_all_tables():
    heads = ["lift, none", "lift, all", "xgboost", "moons, 128", "moons, 8", "majority", "lift"]
    placed = sorted(heads, key=pivots._rank)
    assert placed == ["majority", "xgboost", "moons, 8", "moons, 128", "lift", "lift, none", "lift, all"]


@pytest.mark.parametrize("path", MANUALS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_manuals_show_what_the_committed_files_say(path):
    text = path.read_text("utf-8")
    lines = text.splitlines()
    n_tables = sum(line.startswith("<!-- table: ") for line in lines)
    assert n_tables == lines.count("<!-- end -->") == len(manual.TABLE.findall(text))
    assert manual.filled(text, path.parent) == text, "run: python -m benchmarks.manual"


def test_a_table_whose_file_is_missing_is_of_a_step_that_is_not_made_yet():
    """The test above says nothing about such a table; a step that is made has published its files."""
    published = set(steps.Manifest(ROOT).records)
    for area in manual.AREAS:
        for entry in manual.entries(area):
            lacking = [file for file in entry.files if not (ROOT / area / file).exists()]
            assert not lacking or f"{area}/{entry.name}" not in published, f"{area}/{entry.name} lacks {lacking}"
    shared = [table.file for path in MANUALS for table in manual.tables(path.read_text("utf-8")) if ".." in table.file]
    assert all((ROOT / "benchmarks" / file).exists() for file in shared)
    assert {Path(file).name for file in shared} >= {"results.csv", "quality_regression.csv"}


def test_no_table_of_numbers_is_written_by_hand():
    """Numbers stand in tables that the tests above hold against a file, ours or the paper's."""
    for path in MANUALS:
        text = manual.TABLE.sub("", path.read_text("utf-8"))
        text = re.sub(f"{re.escape(readme.START)}.*?{re.escape(readme.END)}", "", text, flags=re.DOTALL)
        for line in re.findall(r"^\|.*\|$", text, flags=re.MULTILINE):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            numbers = [cell for cell in cells if re.fullmatch(r"[-−–]?\d*\.?\d+ ?(±.*|%)?", cell)]
            assert not numbers, f"{path.parent.name}: {line}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_experiment_has_an_entry_with_command_table_and_figure(path):
    entries = {entry.name: entry for entry in manual.entries(path.parent.name)}
    entry = entries[path.stem]
    assert all(re.match(rf"(bash {entry.area}/|python -m {entry.area}\.){entry.name}\b", one) for one in entry.commands)
    assert f"{entry.name}.png" in entry.files
    assert [file for file in entry.files if file.startswith(f"summaries/{entry.name}_") and file.endswith(".csv")]


def test_results_with_another_model_are_an_entry_of_their_own(tmp_path):
    text = """## `noise`

**Results** (`python -m classification.noise`, minutes): noisy.

![Noise](noise.png)

<!-- table: summaries/noise_summary.csv
rows: {dataset}
-->
<!-- end -->

**Results with smollm2** (`python -m classification.noise
--model smollm2`): less noisy.

![Noise with smollm2](smollm2/noise.png)

<!-- numbers: smollm2/noise_summary.csv
-->
"""
    (tmp_path / "classification").mkdir()
    (tmp_path / "classification" / "README.md").write_text(text, "utf-8")
    plain, other = manual.entries("classification", tmp_path)
    assert (plain.name, plain.commands) == ("noise", ("python -m classification.noise",))
    assert plain.files == ("noise.png", "summaries/noise_summary.csv")
    assert (other.name, other.commands) == ("noise-smollm2", ("python -m classification.noise --model smollm2",))
    assert other.files == ("smollm2/noise.png", "smollm2/noise_summary.csv")
    results = tmp_path / "results"
    assert other.paths(results, tmp_path) == {
        results / "classification" / name: tmp_path / "classification" / "smollm2" / name
        for name in ("noise.png", "noise_summary.csv")
    }


def test_a_published_file_names_no_folder_of_this_machine():
    text = 'dataset,source,score\na,/somewhere/else/a.csv.gz,0.50\nb,scikit-learn,"1,5"\n'
    assert manual.without_folders(text) == text.replace("/somewhere/else/", "")
    assert manual.without_folders("score\n/tmp/x\n") == "score\n/tmp/x\n"


# ---- steps --------------------------------------------------------------------------------------------------------

SCRIPT = """
import csv, sys, time
from pathlib import Path
from utils import half  # what it also depends on

folder = Path(sys.argv[sys.argv.index("--results-dir") + 1]) / "classification"
folder.mkdir(parents=True, exist_ok=True)
for number in range(3):
    case = folder / f"case_{number}"
    if not case.exists():
        Path(WAIT).exists() and number == 1 and time.sleep(600)
        case.write_text("done")
        with Path(LOG).open("a") as log:
            log.write(f"{number}\\n")
(folder / "fake_summary.csv").write_text(f"method,accuracy\\nsvm,{half.HALF}\\n")
(folder / "fake.png").write_bytes(b"a picture")
"""
MANUAL = """# Classification

## `fake`

**Results** (`python -m classification.fake --seeds 0 1`, a second): accuracy.

<!-- table: summaries/fake_summary.csv
rows: {method}
columns: accuracy = {accuracy:.2f}
-->

| | accuracy |
|---|---|
| svm | by hand |

<!-- end -->

![A figure](fake.png)

## `broken`

**Results** (`python -m classification.broken`).
"""


@pytest.fixture
def root(tmp_path):
    """A repository of one experiment that works and one that does not."""
    for name, text in {
        "classification/README.md": MANUAL,
        "classification/fake.py": f"WAIT, LOG = {str(tmp_path / 'wait')!r}, {str(tmp_path / 'log')!r}\n{SCRIPT}",
        "classification/broken.py": "raise SystemExit('nothing works')",
        "utils/half.py": '"""Half."""\nHALF = 0.5  # of one\n',
        "data/models/lift.json": "{}",
        "requirements.txt": "numpy\n",
    }.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text, "utf-8")
    return tmp_path / "root"


def launch(root, *flags):
    """The command under way, in a process group of its own."""
    command = [sys.executable, "-m", "benchmarks.remake", "--root", str(root), "--results-dir", str(root / "results")]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*command, *flags], cwd=ROOT, text=True, start_new_session=True, **streams)


@pytest.fixture
def remake(root, capsys):
    """Runs the command in this process, as a new one would; gives its output and errors."""

    def run(only=(), code=0, **flags):
        for cached in (steps.imported, steps._bare, steps._hash):
            cached.cache_clear()
        try:
            main(Config(only=tuple(only), root=root, results_dir=root / "results", **flags))
        except SystemExit as end:
            print(end.code, file=sys.stderr)
            code -= 1
        assert code == 0
        return capsys.readouterr()

    return run


def test_a_failing_step_is_named_and_the_others_are_made(root, remake):
    err = remake(code=1).err
    assert "failed: classification/broken: python -m classification.broken: exit code 1" in err
    assert "nothing works" in err
    assert err.strip().endswith("not whole: classification/broken")
    assert (root / "classification" / "fake.png").read_bytes() == b"a picture"
    text = (root / "classification" / "README.md").read_text("utf-8")
    assert "| svm | 0.50 |" in text
    assert "by hand" not in text
    record = json.loads((root / "benchmarks" / "remake.json").read_text("utf-8"))
    assert list(record) == ["classification/fake"]
    assert isinstance(record["classification/fake"]["seconds"], float)  # 0.0 for a step this short
    assert "cores" in record["classification/fake"]["processor"]

    out = remake(list=True).out
    assert re.search(r"classification/fake +done +\d+ s", out)
    assert re.search(r"classification/broken +never run +unknown", out)
    assert "left: 1 of 2 steps, 0 s and 1 of unknown length" in out
    assert remake(dry_run=True).out.strip() == "python -m classification.broken"


def test_only_what_changes_numbers_makes_a_step_new(root, remake):
    remake(["fake"])
    half = root / "utils" / "half.py"
    half.write_text('"""Half of one, in other words."""\n\nHALF = 0.5\n', "utf-8")
    (root / "utils" / "other.py").write_text("HALF = 1\n", "utf-8")
    assert "left: 0 of 1 steps, 0 s" in remake(["fake"], list=True).out
    half.write_text("HALF = 0.25\n", "utf-8")
    assert re.search(r"classification/fake +changed", remake(list=True).out)
    assert remake(accept=True).out.startswith("accepted: nothing")
    assert "accepted: classification/fake" in remake(["fake"], accept=True).out
    assert "left: 0 of 1 steps" in remake(["classification/fake"], list=True).out
    (root / "data" / "models" / "lift.json").write_text('{"updates": 1}', "utf-8")
    remake(["fake"])
    assert "| svm | 0.25 |" in (root / "classification" / "README.md").read_text("utf-8")
    (root / "classification" / "fake.png").unlink()
    assert "output missing" in remake(["fake"], list=True).out


def test_a_step_that_is_not_there_is_named(remake):
    with pytest.raises(UserError, match="no step nonsense; have classification/fake, classification/broken"):
        remake(["nonsense"])


def test_killed_it_goes_on_where_it_was(root):
    log, wait = root.parent / "log", root.parent / "wait"
    command = [sys.executable, "-m", "benchmarks.remake", "--root", root, "--results-dir", root / "results"]
    command = [*map(str, command), "--only", "fake"]
    wait.touch()
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    while process.poll() is None and not (log.exists() and log.read_text() == "0\n"):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (root / "benchmarks" / "remake.json").exists()
    assert "by hand" in (root / "classification" / "README.md").read_text("utf-8")
    wait.unlink()
    subprocess.run(command, cwd=ROOT, check=True)
    assert log.read_text().split() == ["0", "1", "2"], "the first case is not run again"
    assert "| svm | 0.50 |" in (root / "classification" / "README.md").read_text("utf-8")


def test_a_step_depends_on_all_that_its_command_imports():
    command = "python -m classification.label_noise"
    found = {path.relative_to(ROOT).as_posix() for path in steps.sources(command, ROOT)}
    assert found >= {"classification/label_noise.py", "utils/tables/perturbations.py", "utils/models/local/training.py"}
    assert "utils/models/local/model.py" in found, "a module that is named in a string and loaded on use"
    assert "utils/tables/tables.py" in found, "a module whose names its package hands on"
    assert not found & {"others/_generation/generators.py", "regression/accuracy.py", "benchmarks/speed.py"}
    speed = {path.relative_to(ROOT).as_posix() for path in steps.sources("bash benchmarks/speed.sh", ROOT)}
    assert speed >= {"benchmarks/speed.sh", "benchmarks/speed.py", "benchmarks/measure.py", "benchmarks/ways.py"}


def test_whole_results_are_kept_and_lacking_ones_are_named(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    kept = "classification/a.csv classification/a/answers"
    said = f"## `runs`\n\n**Results** (`python -m x`).\n\n<!-- keep: {kept} -->\n"
    (tmp_path / "benchmarks" / "README.md").write_text(said, "utf-8")
    old = tmp_path / "benchmarks" / "runs" / "classification" / "a" / "answers" / "old.json"
    new = tmp_path / "made" / "classification" / "a" / "answers" / "new.json"
    for path in (old, new):
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    with pytest.raises(UserError, match=r"the results lack .*a\.csv, which benchmarks/README.md shows"):
        manual.publish("benchmarks", "runs", tmp_path / "made", tmp_path)
    assert old.exists(), "nothing is published by halves"
    (tmp_path / "made" / "classification" / "a.csv").write_text("key\n")
    manual.publish("benchmarks", "runs", tmp_path / "made", tmp_path)
    kept = sorted(path.name for path in (tmp_path / "benchmarks" / "runs").rglob("*.*"))
    assert kept == ["a.csv", "new.json"]
