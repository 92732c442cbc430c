"""Ranks, tests and intervals, against values worked out elsewhere and against what must hold of any scores."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from utils.errors import MissingPackage
from utils.reporting import statistics

RNG = np.random.default_rng(0)


def table(n=14, k=4, shift=0.0):
    scores = pd.DataFrame(RNG.uniform(0.6, 0.9, (n, k)), columns=list("abcdefghij")[:k])
    return scores.assign(a=scores["a"] + shift)


def test_the_critical_difference_is_that_of_the_published_table():
    # Demšar (2006), table 5: q = 2.569 for 4 learners at 5 %; 14 tables: CD = 2.569 · √(4 · 5 / (6 · 14)) = 1.25
    found = statistics.friedman_nemenyi(table(14, 4), is_error=False)
    assert found.critical_difference == pytest.approx(2.569 * math.sqrt(20 / 84), rel=1e-3)
    for k, q in ((3, 2.343), (10, 3.164)):
        found = statistics.friedman_nemenyi(table(20, k), is_error=False)
        assert found.critical_difference == pytest.approx(q * math.sqrt(k * (k + 1) / 120), rel=1e-3)


def test_ranks_follow_the_direction_and_share_ties():
    scores = pd.DataFrame({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.8, 0.9], "c": [0.1, 0.2, 0.3]})
    best = statistics.friedman_nemenyi(scores, is_error=False)
    assert best.ranks.to_dict() == pytest.approx({"a": 4.5 / 3, "b": 4.5 / 3, "c": 3.0})
    assert statistics.friedman_nemenyi(scores, is_error=True).ranks.idxmin() == "c"


def test_a_learner_that_always_wins_is_told_apart_and_equal_ones_are_not():
    sure = statistics.friedman_nemenyi(table(30, 4, shift=1.0), is_error=False)
    assert sure.p < 1e-6
    assert sure.ranks.index[0] == "a"
    assert ("b", "c", "d") in [tuple(sorted(group)) for group in sure.alike()]
    assert not any("a" in group for group in sure.alike())
    noise = statistics.friedman_nemenyi(table(30, 4), is_error=False)
    assert noise.p > 0.01


def test_too_few_tables_give_no_test_but_a_reason():
    found = statistics.friedman_nemenyi(table(4, 4), is_error=False)
    assert math.isnan(found.p)
    assert not found.alike()
    assert found.reason.startswith("4 tables with a score of all of 4 learners")
    holes = table(9, 4)
    holes.iloc[:5, 0] = np.nan
    assert statistics.friedman_nemenyi(holes, is_error=False).n_tables == 4
    same = pd.DataFrame(0.5, index=range(6), columns=list("abc"))
    assert statistics.friedman_nemenyi(same, is_error=False).p == 1.0


def test_wins_ties_and_losses():
    scores = pd.DataFrame({"a": [0.9, 0.5, 0.7, np.nan], "b": [0.8, 0.5, 0.9, 0.1]})
    assert statistics.win_tie_loss(scores, "a", is_error=False).loc["b"].tolist() == [1, 1, 1, 1.0]
    assert statistics.win_tie_loss(scores, "a", is_error=False, tolerance=0.15).loc["b", "tie"] == 2
    clear = pd.DataFrame({"a": np.ones(10), "b": np.zeros(10)})
    assert statistics.win_tie_loss(clear, "a", is_error=False).loc["b", "p"] == pytest.approx(2 / 1024)
    assert statistics.win_tie_loss(clear, "a", is_error=True).loc["b", "loss"] == 10


def test_a_bootstrap_interval_covers_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        low, high = statistics.bootstrap(np.random.default_rng(seed).normal(size=40))
        hits += low <= 0 <= high
    assert 180 <= hits <= 199
    assert all(map(math.isnan, statistics.bootstrap([1.0])))


def test_the_advantage_is_positive_where_the_learner_is_better():
    found = statistics.paired_bootstrap(table(30, 3, shift=0.5), "a", is_error=False)
    assert (found["low"] > 0.3).all()
    assert (statistics.paired_bootstrap(table(30, 3, shift=0.5), "a", is_error=True)["high"] < -0.3).all()


def test_elo_and_improvability_follow_who_is_better():
    pytest.importorskip("bencheval", reason="needs requirements-extras.txt")
    scores = table(12, 3, shift=1.0)
    found = statistics.leaderboard(scores - 1, is_error=False)
    assert list(found)[:3] == ["elo", "elo_low", "elo_high"]
    assert found.index[0] == "a"
    assert (found["elo_low"] <= found["elo"]).all()
    assert (found["elo"] <= found["elo_high"]).all()
    # "a" is the best on every table; of another learner's error e the share (e - e_a) / e could be avoided.
    errors = 2 - scores
    assert found.loc["a", "improvability"] == 0
    assert found.loc["b", "improvability"] == pytest.approx(((errors["b"] - errors["a"]) / errors["b"]).mean())
    pd.testing.assert_frame_equal(found, statistics.leaderboard(scores - 1, is_error=False))
    turned = statistics.leaderboard(errors, is_error=True)
    pd.testing.assert_frame_equal(turned, found)


def test_few_tables_have_no_leaderboard():
    pytest.importorskip("bencheval", reason="needs requirements-extras.txt")
    assert statistics.leaderboard(table(4, 3), is_error=False).empty


def test_without_the_package_the_command_that_installs_it_is_named(monkeypatch):
    def nowhere(name, path=None, target=None):
        if name == "bencheval":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == "bencheval"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(find_spec=nowhere), *sys.meta_path])
    with pytest.raises(MissingPackage, match=r"pip install -r requirements-extras\.txt"):
        statistics.leaderboard(table(6, 3), is_error=False)
