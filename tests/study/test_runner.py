"""What a study does when a case goes wrong: the others run, the reason is kept, nothing is hidden."""

import importlib
import os
import shutil
import signal
from collections import namedtuple
from dataclasses import replace

import pytest

from utils import baselines, study, tables
from utils.errors import CannotDo, MissingPackage, TooLong, UnknownName, Unobtainable, UserError
from utils.estimators import LIFTClassifier
from utils.results import Results
from utils.study import costs
from utils.study.cases import Trial
from utils.study.runner import Case, Runner
from utils.tables import openml


class Faulty(baselines.TunedClassifier):
    """A tree that does what its seed says: 0 works, 1 fails, 2 kills its process, 3 cannot, 4 lacks a package."""

    def __init__(self, seed):
        super().__init__("tree", seed)

    def check(self, *rows):
        if self.seed == 3:
            raise CannotDo("a tree has no such verb")
        if self.seed == 4:
            raise MissingPackage("pip install something")

    def fit(self, X, y, validation=None):
        if self.seed == 1:
            raise RuntimeError("the branch broke")
        if self.seed == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y, validation)


def build(case, config):
    table = tables.load("iris", task="classification")
    return Trial(table.name, table.source, table.split(0), Faulty(case.seed))


def cases(*seeds):
    return [Case("iris", "tree", seed) for seed in seeds]


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path, "classification", "toy")


def run(results, *seeds, workers=1):
    config = study.Config(workers=workers, results_dir=results.path.parents[1])
    return Runner(config, build, results).run(cases(*seeds))


def test_a_faulty_case_is_written_down_and_the_others_run(results, capsys):
    assert run(results, 1, 0) == 1
    assert results.frame()["seed"].tolist() == [0]
    assert results.failures()["reason"].tolist() == ["RuntimeError: the branch broke"]
    assert "Traceback" in capsys.readouterr().err
    assert run(results, 1, 0) == 1, "a failed case is tried again, a finished one is not"
    assert len(results.frame()) == 1


def test_what_can_never_run_is_known_before_anything_runs(results):
    with pytest.raises(UserError, match="no such verb"):
        run(results, 3)
    assert not results.failures_path.exists(), "a study of nothing that could run writes nothing"
    assert run(results, 3, 0) == 1
    assert results.failures()["reason"].tolist() == ["a tree has no such verb"]


def test_what_cases_cost_is_worked_out_once_for_all_seeds(results, monkeypatch):
    asked = []
    original = costs.of
    monkeypatch.setattr(costs, "of", lambda trial, *case: asked.append(case) or original(trial, *case))
    config = study.Config(workers=1, quiet=True, results_dir=results.path.parents[1])
    varied = [Case("iris", method, seed, {"share": share}) for method in "ab" for share in (1, 2) for seed in (0, 5, 6)]

    def make(case, config):
        return build(replace(case, seed=0), config)

    assert Runner(config, make, results).run(varied) == 0
    assert sorted((method, settings["share"]) for method, settings in asked) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_a_case_is_built_once_before_it_runs(results):
    built = []
    config = study.Config(workers=1, quiet=True, results_dir=results.path.parents[1])

    def make(case, config):
        built.append(case.seed)
        return build(case, config)

    runner = Runner(config, make, results)
    preview = runner.trial(cases(0)[0])
    assert runner.trial(cases(0)[0]) is preview, "what is shown first is what is looked at"
    assert runner.run(cases(0, 5)) == 0
    assert built == [0, 5, 0, 5], "preview, key and check share one; the run, perhaps in another process, has its own"
    assert runner.run(cases(0, 5)) == 0
    assert built[4:] == [0, 5], "finished cases only need their key"


def test_a_missing_package_ends_the_study_before_anything_runs(results):
    with pytest.raises(MissingPackage):
        run(results, 0, 4)
    assert not results.path.exists()


def test_a_killed_worker_ends_with_advice_and_finished_cases_stay(results):
    with pytest.raises(UserError, match=r"a worker process was killed.*fewer --workers than 2"):
        run(results, 0, 2, workers=2)
    assert run(results, 0) == 0
    assert len(results.frame()) == 1


def test_what_a_killed_copy_leaves_while_a_study_runs_is_gone_at_its_end(results, monkeypatch):
    store = Runner.store

    def beside_a_copy(runner, *finished):
        row = store(runner, *finished)
        results.answers_path("k1").with_name(".k1.csv.gz.abc.part").touch()
        return row

    monkeypatch.setattr(Runner, "store", beside_a_copy)
    assert run(results, 0) == 0
    assert [path.suffix for path in (results.folder / "answers").iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_is_noticed_before_anything_runs(results, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(1, 1, 10 * 2**20))
    with pytest.raises(UserError, match="10 MiB are free"):
        run(results, 0)
    assert not results.path.exists()


def test_the_key_is_what_the_case_is():
    table = tables.load("iris", task="classification")
    rows = table.split(0)

    def key(seed=0, settings=None, split=rows, **options):
        config = study.Config(**options)
        return Trial("iris", "", split, config.lift("classification", seed)).key(seed, settings or {})

    assert key() == key(workers=2, device="cpu"), "where it runs is no part of the case"
    others = [key(seed=1), key(settings={"rate": 0.1}), key(split=table.split(1)), key(wording="paper"), key(epochs=3)]
    assert len({key(), *others}) == 6


def test_one_class_is_refused():
    rows = tables.load("iris", task="classification").split(0)
    one = rows.limit(1)
    with pytest.raises(UserError, match="at least two classes"):
        Trial("iris", "", one, baselines.classifier("tree", 0))


def test_too_long_names_the_columns_and_the_choices():
    config = study.Config(wording="names " * 3000 + "{features}")
    table = tables.load("iris", task="classification")
    with pytest.raises(TooLong, match=r"4 columns takes \d+ tokens.*--wording compact"):
        Trial("iris", "", table.split(0), config.lift("classification", 0)).check()


def test_one_seed_of_lift_is_checked_for_all_and_none_if_one_is_finished(results, monkeypatch):
    config = study.Config(workers=1, quiet=True, epochs=1, results_dir=results.path.parents[1])
    checked = []

    def of_lift(case, config):
        table = tables.load("iris", task="classification")
        learner = config.lift("classification", case.seed)
        return Trial("iris", table.source, table.split(case.seed).limit(10), learner)

    monkeypatch.setattr(LIFTClassifier, "check", lambda self, *rows: checked.append(self.random_state))
    for seeds in ((0, 1), (0, 1, 2), (3, 2, 4)):
        assert Runner(config, of_lift, results).run([Case("iris", "lift", seed) for seed in seeds]) == 0
    assert checked == [0]
    redo = replace(config, redo=True)
    assert Runner(redo, of_lift, results).run([Case("iris", "lift", 0)]) == 0
    assert checked == [0, 0], "what is run again is checked again"


def test_a_seed_that_cannot_run_does_not_vouch_for_the_others(results, monkeypatch):
    config = study.Config(workers=1, quiet=True, results_dir=results.path.parents[1])
    checked = []

    def of_lift(case, config):
        split = tables.load("iris", task="classification").split(case.seed).limit(10)
        return Trial("iris", "", split, config.lift("classification", case.seed))

    def too_long(learner, *rows):
        checked.append(learner.random_state)
        raise TooLong("too long")

    monkeypatch.setattr(LIFTClassifier, "check", too_long)
    with pytest.raises(UserError, match="too long"):
        Runner(config, of_lift, results).run([Case("iris", "lift", seed) for seed in (0, 0, 1)])
    assert checked == [0, 1], "once each, though the first is listed twice"


def test_a_data_set_that_cannot_be_had_is_named_and_left_out(results, capsys):
    def of_three(case, config):
        if case.dataset == "gone":
            raise Unobtainable("the server is asleep; wake it")
        if case.dataset == "typo":
            raise UnknownName("no table 'typo'")
        return build(case, config)

    def run_tables(*names):
        wanted = [Case(name, "tree", 0) for name in names]
        return Runner(study.Config(workers=1, results_dir=results.path.parents[1]), of_three, results).run(wanted)

    assert run_tables("gone", "iris") == 1
    assert results.frame()["dataset"].tolist() == ["iris"]
    assert capsys.readouterr().err.splitlines() == ["left out: gone: the server is asleep; wake it"]
    with pytest.raises(UnknownName, match="typo"):
        run_tables("gone", "typo", "iris")
    with pytest.raises(Unobtainable, match="wake it"):
        run_tables("gone")


@pytest.mark.parametrize("module", ["classification.imbalance", "classification.sample_size", "others.self_training"])
def test_every_kind_of_study_goes_on_without_a_known_table_that_is_not_here(module, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(openml, "SERVER", "http://127.0.0.1:9")
    monkeypatch.setattr(openml, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(openml, "ATTEMPTS", 1)
    monkeypatch.setenv("LIFT_DATA", "")
    script = importlib.import_module(module)
    config = script.Config(datasets=("PizzaCutter3", "iris"), methods=("logreg",), results_dir=tmp_path, workers=1)
    with pytest.raises(SystemExit) as ended:
        study.main(config, script.cases, script.build, script.figure, script.__file__)
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    [line] = [line for line in err.splitlines() if "PizzaCutter3" in line]
    assert line.startswith("left out: PizzaCutter3: OpenML 1444 is not on this machine")
    assert "iris" in out
