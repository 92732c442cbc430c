"""Rows answered beside the test rows, further measures, and what they do to a case's identity."""

import numpy as np
import pytest

from utils import baselines, study, tables
from utils.results import Results
from utils.study.cases import Trial

ROWS = tables.load("moons:n=100", task="classification").split(0)
GRID = ROWS.X_train.iloc[:7].reset_index(drop=True)


def trial(method="tree", **further):
    config = study.Config(epochs=1, shots=0)
    learner = config.lift("classification", 0) if method == "lift" else baselines.classifier(method, 0)
    return Trial("moons", "synthetic", ROWS, learner, **further)


@pytest.mark.parametrize("method", ["tree", "lift"])
def test_queries_are_answered_and_not_scored(method):
    plain, answers = trial(method).run()
    row, more = trial(method, queries=GRID).run()
    same = ["accuracy", "n_test", "log_loss", "n_invalid"]
    assert {name: row[name] for name in same} == {name: plain[name] for name in same}
    n = row["n_test"]
    assert len(more) == n + 7
    assert more["row"].tolist()[n:] == [f"query {i}" for i in range(7)]
    assert more["truth"].isna().tolist() == [False] * n + [True] * 7
    assert more["parsed"].tolist()[:n] == answers["parsed"].tolist()
    assert more["parsed"].iloc[n:].isin(["0", "1"]).all()


def test_measures_become_columns_between_scores_and_chance():
    measured = trial(queries=GRID, measures={"ones": lambda answers: (answers["parsed"] == "1").mean()})
    row, answers = measured.run()
    assert row["ones"] == pytest.approx(np.mean(answers["parsed"] == "1"), abs=1e-5)
    assert list(row) == measured.columns()
    assert measured.columns().index("ones") == measured.columns().index("chance") - 1


def test_queries_and_measures_are_part_of_the_case():
    keys = [
        trial(**further).key(0, {})
        for further in (
            {},
            {"queries": GRID},
            {"queries": GRID * 2},
            {"measures": {"a": len}},
            {"measures": {"b": len}},
        )
    ]
    assert len(set(keys)) == 5


def test_answers_are_read_back_as_they_were(tmp_path):
    results = Results(tmp_path, "classification", "toy")
    row, answers = trial(queries=GRID).run()
    results.add({"key": "k", **row}, answers)
    read = results.answers("k")
    assert read["parsed"].tolist() == answers["parsed"].tolist()
    assert read["truth"].isna().sum() == 7
    assert read["truth"].dropna().tolist() == answers["truth"].dropna().tolist()
    np.testing.assert_allclose(read["log_p_1"], answers["log_p_1"])
