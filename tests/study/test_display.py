"""What a study says while it runs: the live table at any size of a terminal, the lines of a log file."""

import json
import subprocess
import sys
import time
from dataclasses import asdict
from io import StringIO

import pandas as pd
import pytest
from rich.console import Console

from utils.progress import Mail, Report
from utils.study import display, screen
from utils.study.board import Board
from utils.study.forecast import Forecast
from utils.study.plans import DONE, Case, Outcome, Plan, Work

SIZES = [(30, 6), (40, 10), (80, 24), (80, 8), (140, 50), (250, 3), (80, 1)]
PAPER = ("majority", "random", "logreg", "knn", "tree", "mlp", "svm", "forest", "xgboost", "lift")


class Study:
    """A board of made-up cases, which end and report as a test wants."""

    def __init__(
        self, folder, datasets=("iris", "wine"), methods=("majority", "lift"), seeds=(0, 1, 2), settings=({},)
    ):
        self.plans = {}
        for dataset in datasets:
            for method in methods:
                for setting in settings:
                    for seed in seeds:
                        case = Case(dataset, method, seed, setting)
                        kind = "lift" if method.startswith("lift") else "classical"
                        groups = ((kind,), (kind, method), (kind, method, dataset, *setting.values()))
                        work = Work(10.0, (4.0, 4.0), groups) if kind == "lift" else Work(1.0, (), groups)
                        self.plans[str(case)] = Plan(case, {"key": f"k{len(self.plans)}"}, work)
        plans = list(self.plans.values())
        self.folder, self.now = folder, 1000.0
        self.board = self.make(plans, pd.DataFrame())

    def make(self, waiting, earlier):
        plans = list(self.plans.values())
        return Board("accuracy", plans, waiting, earlier, Forecast(), Mail(self.folder), 2, lambda: self.now)

    def end(self, case, score=0.9671, status=DONE, seconds=1.5):
        row = {"accuracy": score, "seconds_fit": seconds, "seconds_predict": 0.25} if status == DONE else None
        return Outcome(self.plans[case], status, row, seconds)

    def report(self, case, **told):
        values = {"since": self.now - 100, "at": self.now, **told}
        text = json.dumps(asdict(Report(**values)))
        (self.folder / f"{self.plans[case].key}.json").write_text(text, "utf-8")

    def drawn(self, width=80, height=24, unicode=True):
        return [line.plain for line in screen.lines(self.board, width, height, unicode)]


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def test_the_table_fills_in(study):
    assert study.drawn()[1:4] == ["     majority     lift", "iris        ·        ·", "wine        ·        ·"]
    for seed in (0, 1, 2):
        study.board.note(study.end(f"iris majority seed {seed}", 0.3 + seed / 100))
    study.board.note(study.end("iris lift seed 1", 1.0))
    study.report("wine lift seed 0")
    study.now += 2
    drawn = study.drawn()
    assert drawn[0] == "accuracy: mean accuracy over seeds"
    assert drawn[1:4] == ["     majority     lift", "iris     .310 1/3 1.00", "wine        ·        ▸"]
    assert drawn[-1] == "4 of 12 cases   about 5 s left, 2 s gone"


def test_a_case_under_way_tells_fine_tune_epoch_loss_and_time(study):
    study.report("wine lift seed 2", number=2, lead=20.0, what="update", done=30, total=60, epochs=20, losses=(0.1234,))
    line = next(line for line in study.drawn() if line.startswith("▸"))
    # 80 s of tuning for 4 + 2 parts of 10: 53 s for the others
    assert line == "▸ wine lift seed 2  fine-tune 2/2  epoch 11/20  loss 0.123  1:40, 53 s left"
    study.report("wine lift seed 2", number=1, lead=20.0, what="update", done=30, total=60, epochs=2)
    assert "update 30/60" in "".join(study.drawn())
    study.report("wine lift seed 2", number=2, lead=20.0, what="update", done=30, total=60, epochs=20, losses=(0.1234,))
    assert "▸ wine lift seed 2  epoch 11/20  1:40, 53 s left" in study.drawn(50), "the loss goes first"
    assert "▸ wine lift seed 2  1:40, 53 s left" in study.drawn(38)


def test_what_failed_and_what_finished_earlier_is_in_the_table(tmp_path):
    study = Study(tmp_path)
    rows = pd.DataFrame({"key": ["k0", "gone"], "accuracy": [0.25, 0.5]})
    study.board = study.make(list(study.plans.values())[1:], rows)
    study.board.note(study.end("wine majority seed 0", status="no such verb"))
    drawn = study.drawn()
    assert drawn[2:4] == ["iris 1/3 .250        ·", "wine        ×        ·"]
    assert drawn[-1].startswith("1 of 11 cases, 1 failed   ")


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("methods", [PAPER[-2:], PAPER, tuple(f"lift:levels={n},decoding=greedy" for n in range(25))])
def test_no_line_is_too_long_and_none_too_many(width, height, methods, tmp_path):
    names = [f"a-table-whose-name-says-it-all-{i}" if i % 3 else f"t{i}" for i in range(40)]
    study = Study(tmp_path, names, methods, [0, 1], [{"rows": 8, "kind": "x"}, {"rows": 16, "kind": "x"}])
    for i, case in enumerate(study.plans):
        if i % 7 == 0:
            study.board.note(study.end(case))
        elif i % 100 == 1:
            study.report(case, number=1, what="update", done=5, total=100, epochs=100, losses=(1.5,))
    drawn = screen.lines(study.board, width, height)
    assert len(drawn) <= height
    assert max(line.cell_len for line in drawn) <= width
    assert drawn[-1].plain.startswith(f"{study.board.n_done} of {len(study.plans)} cases"[:width])


def test_forty_tables_and_ten_methods_have_room_in_eighty_columns(tmp_path):
    study = Study(tmp_path, [f"table {i}" for i in range(40)], PAPER)
    for seed in (0, 1):
        study.board.note(study.end(f"table 30 lift seed {seed}", 0.9))
    study.report("table 39 lift seed 0")
    drawn = study.drawn(80, 24)
    assert drawn[1].split() == [*PAPER]
    assert drawn[0].endswith("small: seeds so far, of 3")
    assert len(drawn) == 24
    assert any(line.startswith("table 39") and line.endswith("▸ ") for line in drawn), "a case is under way there"
    assert "… 22 more, 0 of them done" in drawn
    drawn = study.drawn(80, 60)
    assert next(line for line in drawn if line.startswith("table 30")).endswith(".900²")


def test_rows_that_are_done_make_room_for_others(tmp_path):
    study = Study(tmp_path, [f"t{i}" for i in range(20)], ["knn"], [0])
    for i in range(8):
        study.board.note(study.end(f"t{i} knn seed 0"))
    drawn = study.drawn(80, 12)
    assert [line.split()[0] for line in drawn[2:9]] == [f"t{i}" for i in range(8, 15)]
    assert "… 13 more, 8 of them done" in drawn


def test_what_an_experiment_varies_makes_rows_of_its_own(tmp_path):
    settings = [{"rows": rows, "grid": 50} for rows in (16, 32)]
    study = Study(tmp_path, ["iris"], ["knn", "lift"], [0], settings)
    study.board.note(study.end("iris lift rows=32 grid=50 seed 0"))
    drawn = study.drawn()
    assert drawn[:2] == ["accuracy", "rows         knn     lift"]
    assert drawn[2:4] == ["iris 16        ·        ·", "iris 32        ·     .967"]


def test_methods_without_room_are_counted(tmp_path):
    study = Study(tmp_path, methods=[f"method{i}" for i in range(20)], seeds=[0])
    study.report("iris method19 seed 0")
    head = study.drawn(60)[1]
    assert "method19" in head, "a case of it is under way"
    assert head.endswith(f"+{20 - head.count('method')}")


def test_outside_unicode_one_character_stands_for_one(tmp_path):
    study = Study(tmp_path, [f"t{i}" for i in range(40)], PAPER)
    study.board.note(study.end("t0 knn seed 0"))
    study.report("t0 lift seed 0")
    plain, drawn = study.drawn(unicode=False), study.drawn()
    assert "".join(plain).isascii()
    assert [len(line) for line in plain] == [len(line) for line in drawn]


def test_scores_in_four_characters():
    values = [0.9671, 0.0004, 0.99951, 1.0, 3.14159, 99.96, 12345.6, 2e9, -0.5, float("nan")]
    shown = [".967", ".000", "1.00", "1.00", "3.14", "100", "1e+04", "2e+09", "-.500", "nan"]
    assert list(map(screen.number, values)) == shown


def terminal(width=80, height=24):
    return Console(file=StringIO(), force_terminal=True, width=width, height=height, color_system=None)


def test_what_is_printed_goes_above_the_table_and_the_table_goes_in_the_end(study, capsys):
    console = terminal()
    shown = screen.Screen(study.board, console)
    with shown:
        shown.note(study.end("iris lift seed 0", status="the branch broke"))
        (shown.outputs / "77.out").write_text("UserWarning: a word of a worker\nhalf a li")
        shown.look()
        print("said by the study itself", file=sys.stderr)
    text = console.file.getvalue()
    for said in ("failed: iris lift seed 0: the branch broke", "a word of a worker", "half a li", "said by the study"):
        assert said in text + capsys.readouterr().err
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text[-200:], "the cursor is back"
    assert not shown.outputs.exists()


def test_a_terminal_that_became_narrower_is_wiped_line_by_line(study):
    console = terminal(100)
    shown = screen.Screen(study.board, console)
    with shown:
        shown.look()
        wiped = console.file.getvalue().count("\x1b[1A")
        console.size = (40, 24)
        shown.look()
    lines = screen.lines(study.board, 100, 23)
    broken = sum((line.cell_len - 1) // 40 for line in lines if line.cell_len)
    assert broken > 0
    assert console.file.getvalue().count("\x1b[1A") >= wiped + broken


def test_a_line_for_each_finished_case(study, capsys):
    shown = display.Lines(study.board)
    shown.start()
    shown.note(study.end("iris majority seed 0", 1 / 3))
    shown.note(study.end("iris lift seed 0", status="the branch broke"))
    shown.note(Outcome(study.plans["wine lift seed 0"], DONE))
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "[ 1/12] iris majority seed 0: accuracy 0.3333, 1.75 s",
        "[ 3/12] wine lift seed 0: by another run",
    ]
    assert err == "failed: iris lift seed 0: the branch broke\n"


def test_a_line_a_minute_while_cases_run(study, capsys):
    shown = display.Lines(study.board)
    shown.start()
    begun = time.monotonic()
    shown.look(begun + 61)
    assert capsys.readouterr().out == "", "nothing is under way"
    for seed in (0, 1, 2):
        study.report(f"iris lift seed {seed}", number=1, what="update", done=10, total=100, epochs=20, losses=(0.5,))
    study.report("wine lift seed 0")
    shown.look(begun + 30)
    assert capsys.readouterr().out == ""
    shown.look(begun + 61)
    line = capsys.readouterr().out
    assert line.startswith("[ 0/12] under way: iris lift seed 0, fine-tune 1/2, epoch 3/20, loss 0.500, 1:40, ")
    assert line.count("\n") == 1
    assert line.endswith("and 1 more; about 1 h 26 left\n")
    shown.look(begun + 62)
    assert capsys.readouterr().out == ""


def test_quiet_tells_what_fails(study, capsys):
    with display.of(study.board, quiet=True) as shown:
        shown.note(study.end("iris lift seed 0"))
        shown.note(study.end("iris lift seed 1", status="the branch broke"))
    assert capsys.readouterr() == ("", "failed: iris lift seed 1: the branch broke\n")


def test_lines_where_there_is_no_terminal(study):
    assert type(display.of(study.board, quiet=False)) is display.Lines


def test_rich_is_loaded_for_a_terminal_only():
    code = "import sys; import utils.study.display; sys.exit('utils.study.screen' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_workers_print_comes_through_whole_and_survives_them(tmp_path):
    printed = display.Outputs(tmp_path)
    code = (
        "import os, sys; from pathlib import Path; from utils.study.display import Outputs;"
        "Outputs.divert(Path(sys.argv[1]));"
        "print('out'); sys.stdout.flush(); os.write(2, b'err\\n'); os.write(2, b'cut'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert printed.new() == "out\nerr\n"
    assert printed.new() == ""
    assert printed.new(whole_lines=False) == "cut"
