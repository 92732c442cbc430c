"""What cases may cost, in which order they run, and whether the end of a study is foreseen.

durations.csv holds the seconds of three studies that ran, and the costs that were expected of their cases: the
scikit-learn tables of classification/accuracy, and the paper's tables of benchmarks/quality.
"""

import heapq
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.doubles import NearestRow
from utils import study
from utils.errors import BadModel
from utils.study import costs
from utils.study.cases import Trial
from utils.study.forecast import Forecast, Running
from utils.study.plans import Work
from utils.study.runner import Case

DURATIONS = pd.read_csv(Path(__file__).with_name("durations.csv"), dtype={"parts": str}, keep_default_na=False)
STUDIES = sorted(DURATIONS["study"].unique())


def recorded(name, seeds=1, noise=0.0):
    """Works and seconds of a study that ran, by case; further seeds are its cases again, with other seconds."""
    rng, works, seconds = np.random.default_rng(0), {}, {}
    for row in DURATIONS[DURATIONS["study"] == name].itertuples():
        kind = "lift" if row.method == "lift" else "classical"
        parts = tuple(map(float, row.parts.split("|"))) if row.parts else ()
        work = Work(row.cost, parts, ((kind,), (kind, row.method), (kind, row.method, row.dataset)))
        for seed in range(seeds):
            key = f"{row.dataset} {row.method} {seed}"
            works[key], seconds[key] = work, max(0.02, row.seconds) * math.exp(rng.normal(0, noise))
    return works, seconds


def spans(order, seconds, places):
    """When each case begins and ends, each one in the first place that is free."""
    free, found = [0.0] * places, {}
    for key in order:
        begin = heapq.heappop(free)
        found[key] = begin, begin + seconds[key]
        heapq.heappush(free, found[key][1])
    return found


def foreseen(works, seconds, places, share, stops=1.0, earlier=()):
    """The whole time of a study as it is foreseen after a share of it, as a multiple of what it takes.

    Args:
        stops: the share of its work at which a LIFT case says to be done.
    """
    forecast = Forecast(earlier)
    order = forecast.order(works)
    found = spans(order, seconds, places)
    whole = max(end for _, end in found.values())
    now, running, waiting = share * whole, [], []
    for key in order:
        (begin, end), work = found[key], works[key]
        if end <= now:
            forecast.finished(work, end - begin, behind=stops if work.parts else 0.0)
        elif begin <= now:
            behind = stops * (now - begin) / (end - begin) if work.parts else 0.0
            running.append(Running(work, now - begin, behind=behind))
        else:
            waiting.append(work)
    left = forecast.left(running, waiting, places)
    return None if left is None else (now + left) / whole


@pytest.mark.parametrize("places", [1, 2, 5])
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("name", STUDIES)
def test_after_a_tenth_of_the_time_the_whole_is_foreseen_within_a_third(name, seeds, places):
    works, seconds = recorded(name, seeds, noise=0.1)
    assert foreseen(works, seconds, places, 0.1) == pytest.approx(1, abs=1 / 3)
    assert foreseen(works, seconds, places, 0.5) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("name", STUDIES)
def test_a_machine_of_any_speed_is_learnt(name):
    works, seconds = recorded(name, seeds=3, noise=0.1)
    usual = foreseen(works, seconds, 2, 0.1)
    for speed in (0.2, 20):
        slower = {key: speed * value for key, value in seconds.items()}
        assert foreseen(works, slower, 2, 0.1) == pytest.approx(usual, rel=0.02)


def test_fine_tunes_that_end_early_do_so_in_the_forecast_too():
    works, seconds = recorded("accuracy", seeds=3, noise=0.1)
    assert foreseen(works, seconds, 2, 0.3, stops=0.4) == pytest.approx(1, abs=1 / 3)


def test_rows_of_earlier_runs_tell_from_the_first_moment_on():
    works, seconds = recorded("accuracy", seeds=3, noise=0.1)
    earlier = [(works[key], 3 * value) for key, value in seconds.items() if key.endswith("0")]  # a slower machine
    assert foreseen(
        works, {key: 3 * value for key, value in seconds.items()}, 2, 0.0, earlier=earlier
    ) == pytest.approx(1, abs=0.1)
    assert foreseen(works, seconds, 2, 0.1, earlier=earlier) == pytest.approx(1, abs=1 / 3)


def test_nobody_knows_the_end_before_a_case_of_each_kind_was_seen():
    works, seconds = recorded("accuracy")
    lift = [work for key, work in works.items() if " lift " in key]
    forecast = Forecast()
    assert forecast.left([], lift, 2) is None
    for key, work in works.items():
        if work.kind == "classical":
            forecast.finished(work, seconds[key])
    assert forecast.left([], lift, 2) is None
    assert forecast.left([Running(lift[0], 10.0)], lift[1:], 2) is None, "it has not said how far it is"
    assert forecast.left([Running(lift[0], 10.0, behind=0.1)], lift[1:], 2) > 90
    assert forecast.left([], [], 2) == 0


def test_what_comes_before_the_first_fine_tune_is_not_foreseen_again():
    work = Work(1.0, (1.0,), (("lift",), ("lift", "lift"), ("lift", "lift", "iris")))
    forecast = Forecast()
    forecast.finished(work, 30.0, lead=10.0, behind=1.0)
    assert forecast.expected(work) == pytest.approx(20)
    assert forecast.remaining(Running(work, 15.0, lead=10.0, behind=0.25)) == pytest.approx(15)


@pytest.mark.parametrize("name", STUDIES)
def test_the_cheapest_come_first_and_the_longest_is_not_alone_at_the_end(name):
    works, seconds = recorded(name, seeds=3)
    order = Forecast().order(works)
    assert sorted(order) == sorted(works)
    first, rest = order[:20], [works[key].cost for key in order if works[key].kind == "lift"][1:]
    assert max(works[key].cost for key in first) <= np.median([work.cost for work in works.values()])
    assert rest == sorted(rest, reverse=True)
    begun = spans(order, seconds, 2)
    longest = max(seconds, key=seconds.get)
    whole = max(end for _, end in begun.values())
    assert begun[longest][1] < whole
    assert whole <= 1.1 * max(sum(seconds.values()) / 2, max(seconds.values())), "both places have work to the end"
    row = min(end for _, end in begun.values())
    assert row <= 1


def test_an_order_of_nothing_and_of_one():
    assert Forecast().order({}) == []
    work = Work(1.0, (), (("classical",), ("classical", "knn"), ("classical", "knn", "iris")))
    assert Forecast().order({"a": work}) == ["a"]


def work(dataset="iris", method="lift", limit=0, **flags):
    config = study.Config(limit=limit, **flags)
    case = Case(dataset, method, 0)
    return costs.of(study.trial(case, config, "classification"), method, {})


def test_a_case_costs_more_with_more_rows_columns_candidates_and_updates():
    assert work(limit=40, method="forest").cost < work(method="forest").cost < work("digits", "forest").cost
    assert work(method="majority").cost < work(method="xgboost").cost < work(method="forest").cost < work().cost
    assert work("wine").cost < work("breast_cancer").cost < work("digits").cost
    assert work(epochs=2).cost < work(epochs=20).cost
    assert len(work(epochs=2, learning_rates=(1e-3, 1e-2)).parts) == 2 * len(work(epochs=2).parts)
    assert len(work(epochs=2, adapter="lora", learning_rates=(1e-3, 1e-2)).parts) == len(work(epochs=2).parts)


def test_without_tuning_only_answers_cost():
    plain, shown = work(epochs=0), work(epochs=0, shots=20)
    assert plain.parts == shown.parts == ()
    assert 0 < plain.cost < shown.cost
    assert plain.behind(0, 0.0) == 0


def test_a_larger_model_costs_more(folder, tmp_path):
    small = work(model=folder(), epochs=2)
    with (tmp_path / "model" / "more.safetensors").open("wb") as file:
        file.truncate(30_000_000)
    costs._size.cache_clear()
    assert work(model=folder(), epochs=2).cost > 5 * small.cost
    assert costs._size("owner/name") == costs.HUB
    assert costs._size("openai:gpt") == 1


def test_a_model_object_has_a_cost():
    trial = study.trial(Case("iris", "lift", 0), study.Config(), "classification")
    double = Trial(trial.dataset, trial.source, trial.split, trial.learner.set_params(model=NearestRow()))
    assert costs.of(double, "lift", {}).cost > 0


def test_a_recipe_that_makes_no_sense_is_refused(folder):
    with pytest.raises(BadModel, match="candidates change"):
        work(model=folder(candidates=[{"colour": "red"}]))


def test_how_much_is_behind():
    one = Work(10.0, (2.0, 6.0), (("lift",),))
    assert one.behind(0, 0.0) == 0
    assert one.behind(1, 0.5) == pytest.approx(0.1)
    assert one.behind(2, 0.5) == pytest.approx(0.5)
    assert one.behind(3, 0.5) == pytest.approx(11 / 16), "a fine-tune that nobody had foreseen is as long as the last"
    assert replace(one, parts=()).behind(1, 0.5) == 0
