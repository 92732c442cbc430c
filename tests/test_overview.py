"""One table of all experiments of an area."""

import pytest

from utils import overview
from utils.errors import UserError
from utils.results import FAILURE_COLUMNS, Results


def results(folder, experiment, rows):
    store = Results(folder, "classification", experiment)
    for i, (method, accuracy) in enumerate(rows):
        head = {"key": f"{experiment}{i}", "experiment": experiment, "dataset": "iris", "method": method, "seed": 0}
        tail = {"n_train": 10, "n_test": 5, "accuracy": accuracy, "chance": 0.3, "n_invalid": 1}
        store.add({**head, **tail, "seconds_fit": 2.0, "seconds_predict": 1.0})
    return store


def test_lift_stands_beside_the_best_other_learner(tmp_path):
    results(tmp_path, "accuracy", [("majority", 0.9), ("knn", 0.6), ("svm", 0.8), ("lift", 0.7), ("lift", 0.7)])
    store = results(tmp_path, "label_noise", [("lift", 0.5)])
    store.fail(dict.fromkeys(FAILURE_COLUMNS, "x"))
    found = overview.table(tmp_path, "classification", ["accuracy", "boundaries", "label_noise"])
    assert found["experiment"].tolist() == ["accuracy", "label_noise"]
    assert found["best other"].tolist() == ["svm 0.800", "–"]
    assert found["lift"].tolist() == pytest.approx([0.7, 0.5])
    assert found["s per LIFT case"].tolist() == [3.0, 3.0]
    assert found["not run"].tolist() == [0, 1]


def test_without_results_it_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match=r"bash others/run_all\.sh --quick"):
        overview.main(overview.Config("others", tmp_path))
