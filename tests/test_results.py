"""The store: rows survive crashes, full disks and other processes; nothing is written twice."""

import multiprocessing
import os
import resource
import signal
import threading

import pandas as pd
import pytest
from filelock import FileLock

from utils.errors import UserError
from utils.results import FAILURE_COLUMNS, Busy, Results, StorageError, replace_file

ROW = {"key": "k0", "experiment": "toy", "dataset": 'a,"b"\nc', "method": "lift", "seed": 0, "n_train": 3, "score": 0.5}


def row(key, **changes):
    return {**ROW, "key": key, **changes}


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path, "classification", "toy")


def test_a_row_comes_back_as_it_was_and_its_answers_lie_beside_it(results):
    answers = pd.DataFrame({"row": [7, 9], "text": [" 1\n@@@", ""], "parsed": ["1", None]})
    assert results.add(row("k0", score=float("nan")), answers)
    assert results.add(row("k1"))
    frame = results.frame()
    assert frame["key"].tolist() == ["k0", "k1"]
    assert frame["dataset"].tolist() == ['a,"b" c'] * 2
    assert frame["score"].isna().tolist() == [True, False]
    stored = pd.read_csv(results.answers_path("k0"), keep_default_na=False)
    assert stored["text"].tolist() == [" 1\n@@@", ""]


def test_the_same_key_is_stored_once_unless_it_is_done_again(results):
    assert results.add(row("k0", score=0.1))
    assert not results.add(row("k0", score=0.2))
    assert results.frame()["score"].tolist() == [0.1]
    results.add(row("k1", score=0.3))
    assert results.add(row("k0", score=0.2), redo=True)
    assert results.frame().set_index("key")["score"].to_dict() == {"k1": 0.3, "k0": 0.2}


def test_a_torn_line_is_left_out_and_removed_before_the_next(results):
    results.add(row("k0"))
    whole = results.path.read_text()
    results.path.write_text(whole + "k1,toy,half a li")
    assert results.finished() == {"k0"}
    results.add(row("k2"))
    assert results.path.read_text().startswith(whole)
    assert results.finished() == {"k0", "k2"}


def test_other_columns_are_refused_and_nothing_is_shifted(results):
    results.add(row("k0"))
    before = results.path.read_bytes()
    with pytest.raises(UserError, match=r"missing: extra; unknown: none.*--results-dir"):
        results.add({**row("k1"), "extra": 1})
    assert results.path.read_bytes() == before


def test_a_full_disk_leaves_the_file_as_it_was(results):
    for i in range(40):
        results.add(row(f"k{i}"))
    before = results.path.read_bytes()
    old, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, old[1]))  # the next row fits in part only
        with pytest.raises(StorageError, match="free some space"):
            results.add(row("last"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert results.path.read_bytes() == before
    assert results.add(row("last"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        Results(tmp_path / "file", "classification", "toy").add(row("k0"))


def write_many(folder, start):
    results = Results(folder, "classification", "toy")
    for i in range(start, start + 60):
        results.add(row(f"k{i}"), pd.DataFrame({"row": [i]}))


def killed(file):
    """What a process leaves that is killed before its file is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)

    def write(target):
        target.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)

    child = multiprocessing.get_context("fork").Process(target=replace_file, args=(file, write))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL


def test_what_a_killed_process_had_begun_is_swept_away_and_nothing_else(results, tmp_path):
    results.sweep()
    assert not list(tmp_path.iterdir())
    results.add(row("k0"), pd.DataFrame({"row": [7]}), record={"a": 1})
    results.fail(dict.fromkeys(FAILURE_COLUMNS, ""))
    others = Results(tmp_path, "classification", "toy2")
    others.add(row("k0"))
    files = set(tmp_path.rglob("*"))
    for file in (results.answers_path("k1"), results.record_path("k1"), results.path, others.path):
        killed(file)
    (results.answers_path("k1").with_name(".k3jf93_w.gz")).touch()  # as earlier versions called it
    assert len(set(tmp_path.rglob("*")) - files) == 5
    results.sweep()
    [left] = set(tmp_path.rglob("*")) - files
    assert left.name.startswith(".toy2.csv.")
    assert results.answers("k0")["row"].tolist() == ["7"]


def test_what_is_left_of_a_summary_goes_when_nobody_can_be_writing_it(results):
    results.add(row("k0"), pd.DataFrame({"row": [7]}))
    killed(results.sibling("_summary.csv"))
    [begun] = results.path.parent.glob(".toy_summary.csv.*.part")
    results.sweep()
    assert begun.exists()
    os.utime(begun, (0, 0))
    results.sweep()
    assert not begun.exists()


def test_a_sweep_waits_for_who_is_writing(results):
    results.add(row("k0"), pd.DataFrame({"row": [7]}))
    begun = results.answers_path("k1").with_name(".k1.csv.gz.abc.part")
    with FileLock(results.path.with_name(".toy.csv.lock")):
        begun.touch()
        thread = threading.Thread(target=results.sweep)
        thread.start()
        thread.join(0.2)
        assert begun.exists()
    thread.join()
    assert not begun.exists()


def test_two_processes_lose_no_row_and_double_none(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, start)) for start in (0, 30)]  # half of them shared
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    results = Results(tmp_path, "classification", "toy")
    assert sorted(results.frame()["key"]) == sorted(f"k{i}" for i in range(90))
    assert all(results.answers_path(f"k{i}").exists() for i in range(90))


def hold(folder, held, release):
    with Results(folder, "classification", "toy").claim("k0"):
        held.set()
        release.wait(600)


def test_a_case_that_another_process_runs_is_left_to_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, held, release))
    other.start()
    assert held.wait(600)
    results = Results(tmp_path, "classification", "toy")
    with pytest.raises(Busy), results.claim("k0"):
        pass
    with results.claim("k1"):
        pass
    other.kill()  # a claim ends with its process, however that ends
    other.join()
    with results.claim("k0"):
        pass


def test_failures_keep_their_reason_on_one_line(results):
    results.fail({**row("k0"), "model": "", "reason": "first\nsecond", "failed_at": "now"})
    assert results.failures()["reason"].tolist() == ["first second"]
