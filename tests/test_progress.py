"""Long work counts its steps, and another process can see how far it is."""

import json
import os
import signal
import subprocess
import sys

import pytest

from utils import models, progress
from utils.models import FineTuning
from utils.progress import Listener, Mail

PAIRS = [(f"{i} =>", f" {i % 2}") for i in range(8)]


class Heard(Listener):
    """Remembers what it was told."""

    def __init__(self):
        self.told = []

    def begin(self, count):
        self.told.append(("begin", count.what, count.total, count.epochs))

    def look(self, count):
        self.told.append((count.done, list(count.losses)))

    def end(self, count):
        self.told.append("end")


def test_a_fine_tune_counts_its_updates_and_tells_its_losses():
    model = models.load("lift-tiny", device="cpu", threads=1)
    heard = Heard()
    with progress.listening(heard):
        model.fine_tune(PAIRS, settings=FineTuning(epochs=2, batch_size=4), seed=0)
    begin, *steps, end = heard.told
    assert begin == ("begin", "update", 4, 2)
    assert [done for done, _ in steps] == [1, 2, 3, 4]
    assert end == "end"
    assert all(len(losses) == 1 and losses[0] > 0 for _, losses in steps[1:])


def test_the_end_is_told_where_the_work_fails():
    heard = Heard()
    with pytest.raises(ZeroDivisionError), progress.listening(heard), progress.counting("step", 3):
        _ = 1 / 0
    assert heard.told == [("begin", "step", 3, 0), "end"]


def test_outside_a_terminal_nothing_is_drawn(capsys):
    with progress.counting("step", 2) as count:
        count.step()
    progress.say("a word")
    with progress.listening(None):
        progress.say("nothing")
    assert capsys.readouterr() == ("", "a word\n")


def test_on_a_terminal_a_line_comes_and_goes(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.counting("update", 20, epochs=20) as count:
        count.losses = [0.25]
        count.step()
    drawn = capsys.readouterr().err.split("\r\x1b[K")
    assert drawn[1] == "epoch 1/20"
    assert drawn[2].startswith("epoch 2/20  loss 0.250  ")
    assert drawn[2].endswith(" left")
    assert drawn[3:] == [""]


def test_a_case_leaves_its_latest_count_and_goes(tmp_path):
    mail = Mail(tmp_path)
    assert mail.read() == {}
    with mail.case("a") as listener, mail.elsewhere("b"):
        assert [(key, told.number, told.total) for key, told in mail.read().items()] == [("a", 0, 0), ("b", 0, 0)]
        with progress.counting("update", 2, epochs=2) as count:
            count.losses = [0.5, float("inf")]
            count.step()
        told = mail.read()["a"]
        assert (told.number, told.what, told.done, told.total, told.epochs) == (1, "update", 1, 2, 2)
        assert told.losses == (0.5,)
        assert told.lead == listener.lead > 0
        with progress.counting("answer", 7) as count:
            pass
        told = mail.read()["a"]
        assert (told.number, told.what, told.total) == (1, "answer", 7), "answers are no fine-tune"
        assert (listener.number, listener.share) == (1, 0.5)
    assert mail.read() == {}
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_told_fails_no_case(tmp_path):
    with Mail(tmp_path / "nowhere").case("a"), progress.counting("update", 1, epochs=1) as count:
        count.step()
    assert Mail(tmp_path / "nowhere").read() == {}


def test_a_process_that_is_killed_leaves_what_it_told(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from utils import progress\n"
        "with progress.Mail(Path(sys.argv[1])).case('a'), progress.counting('update', 9, epochs=3):\n"
        "    os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (tmp_path / f"a.{os.getpid()}").write_text(json.dumps({"half": "a rep"})[:-4])  # killed while it wrote
    assert Mail(tmp_path).read()["a"].total == 9


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (725, "12:05"), (11100, "3 h 05")]
)
def test_seconds_as_people_say_them(seconds, text):
    assert progress.clock(seconds) == text


def test_a_place_is_an_epoch_where_there_are_many():
    assert progress.where("update", 0, 300, 100) == "epoch 1/100"
    assert progress.where("update", 299, 300, 100) == "epoch 100/100"
    assert progress.where("update", 300, 300, 100) == "epoch 100/100"
    assert progress.where("update", 7, 300, 3) == "update 7/300"
    assert progress.where("answer", 7, 300, 0) == "answer 7/300"
