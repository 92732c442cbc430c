"""Synthetic tables for pretraining: every promise of their form, variety, something to learn, and no real table."""

import ast
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from others.pretraining import columns, mechanisms
from others.pretraining.prior import FAMILIES, MIN_ROWS, ROWS_PER_CLASS, TASKS, Limits, sample_table
from tests.conftest import ROOT
from utils.errors import UnknownName, UserError

N_DRAWS = 300  # of each task; shares are then known to about ± 0.05
EASY = Limits(max_features=12, max_classes=5, max_label_noise=0.0, max_noise=0.05, texts=False, missing=False)


@pytest.fixture(scope="module")
def draws():
    """Tables of 32 to 600 rows, by task."""
    rng = np.random.default_rng(0)
    sizes = rng.choice([32, 150, 600], size=N_DRAWS)
    return {task: [sample_table(rng, int(n), task) for n in sizes] for task in TASKS}


def check(table, n_rows, task, limits):
    X, y = table.X, table.y
    assert table.task == task
    assert table.mechanism in FAMILIES
    assert len(X) == len(y) == n_rows
    lowest = 4 if table.mechanism == "row_shape" else 1
    assert max(limits.min_features, lowest) <= X.shape[1] <= limits.max_features
    assert list(X.columns) == [f"x{i}" for i in range(1, X.shape[1] + 1)]
    for name in X:
        cells = X[name].dropna()
        assert len(cells) > 0, "a column of nothing but missing cells"
        assert X[name].dtype in (np.float64, object)
        if X[name].dtype == object:
            assert limits.texts
            assert all(isinstance(cell, str) and 0 < len(cell) <= 8 for cell in cells)
            assert all(cell is None for cell in X[name][X[name].isna()])
        else:
            assert np.isfinite(cells).all()
    assert limits.missing or not X.isna().any().any()
    if task == "regression":
        assert y.dtype == np.float64
        assert np.isfinite(y).all()
        assert np.ptp(y) > 0
    else:
        counts = np.bincount(y)
        assert y.dtype == np.int64
        assert counts.min() > 0, "the codes have no hole"
        assert 2 <= len(counts) <= min(limits.max_classes, n_rows // ROWS_PER_CLASS)
        assert n_rows - counts.max() >= 2


@pytest.mark.parametrize("task", TASKS)
def test_every_table_keeps_the_promises(draws, task):
    for table in draws[task]:
        check(table, len(table.y), task, Limits())


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(MIN_ROWS, 90),
    task=st.sampled_from(TASKS),
    features=st.tuples(st.integers(1, 100), st.integers(1, 100)).map(sorted),
    max_classes=st.integers(2, 100),
    texts=st.booleans(),
    missing=st.booleans(),
    family=st.sampled_from([None, *FAMILIES]),
)
def test_limits_hold(seed, n_rows, task, features, max_classes, texts, missing, family):
    families = None if family is None else (family, "linear")  # row_shape alone needs four features
    limits = Limits(*features, max_classes, texts=texts, missing=missing, families=families)
    check(sample_table(np.random.default_rng(seed), n_rows, task, limits), n_rows, task, limits)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_equal_states_give_equal_tables(task, family):
    limits = Limits(families=(family,))
    first, again, other = (sample_table(np.random.default_rng(seed), 64, task, limits) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert first.mechanism == again.mechanism == family
    assert first.X.shape != other.X.shape or not first.X.equals(other.X)


def test_families_are_those_of_the_mechanisms():
    assert set(FAMILIES) == {*mechanisms.FUNCTIONS, *mechanisms.JOINT}


@pytest.mark.parametrize("task", TASKS)
def test_every_family_occurs_and_none_rules(draws, task):
    counts = Counter(table.mechanism for table in draws[task])
    assert set(counts) == set(FAMILIES)
    assert max(counts.values()) < 0.3 * N_DRAWS


def test_sizes_favour_the_small_and_reach_the_large(draws):
    features = np.array([table.X.shape[1] for tables in draws.values() for table in tables])
    assert {1, 2, 100} <= set(features)
    assert 6 <= np.median(features) <= 20
    n_classes = np.array([len(set(table.y)) for table in draws["classification"] if len(table.y) == 600])
    assert 0.35 < np.mean(n_classes == 2) < 0.55
    assert np.mean((n_classes >= 3) & (n_classes <= 10)) > 0.25
    assert np.mean(n_classes > 10) > 0.05


def test_a_hundred_classes_occur():
    rng = np.random.default_rng(0)
    limits = Limits(max_features=3, families=("mixture",), missing=False)
    assert max(len(set(sample_table(rng, 600, "classification", limits).y)) for _ in range(600)) >= 95
    classes = mechanisms.mixture(np.random.default_rng(1), 3000, 16, 100)[1]
    assert set(classes) == set(range(100))


def test_missing_cells_and_texts_occur_but_not_everywhere(draws):
    tables = [table for task in TASKS for table in draws[task]]
    assert 0.1 < np.mean([table.X.isna().any(axis=None) for table in tables]) < 0.3
    shares = np.array([np.mean([table.X[name].dtype == object for name in table.X]) for table in tables])
    assert 0.1 < np.mean(shares > 0) < 0.35
    assert np.mean((shares > 0) & (shares < 1)) > 0.05, "texts beside numbers"


def test_classes_are_balanced_in_some_tables_and_not_in_others(draws):
    binary = [table.y for table in draws["classification"] if table.y.max() == 1 and len(table.y) >= 150]
    minority = np.array([min(np.mean(y), 1 - np.mean(y)) for y in binary])
    assert np.mean(minority > 0.4) > 0.3
    assert np.mean(minority < 0.25) > 0.1
    assert minority.min() < 0.1


def test_columns_are_skewed_discrete_correlated_and_in_many_units(draws):
    skews, levels, scales, correlations = [], [], [], []
    for table in draws["regression"]:
        X = table.X.select_dtypes("float64").dropna(axis=1).to_numpy()
        X = X[:, X.std(axis=0) > 0] if X.size else X
        if len(X) < 150 or X.shape[1] < 2:
            continue
        Z = (X - X.mean(axis=0)) / X.std(axis=0)
        skews.extend(np.mean(Z**3, axis=0))
        levels.extend(len(np.unique(column)) for column in X.T)
        scales.extend(np.log10(X.std(axis=0)))
        correlations.append(np.abs(np.corrcoef(Z.T)[np.triu_indices(Z.shape[1], 1)]).max())
    assert 0.1 < np.mean(np.array(skews) > 1) < 0.6
    assert 0.1 < np.mean(np.array(levels) <= 12) < 0.5
    assert np.quantile(scales, 0.95) - np.quantile(scales, 0.05) > 4
    assert np.mean(np.array(correlations) > 0.5) > 0.3
    assert np.mean(np.array(correlations) < 0.3) > 0.1
    assert np.mean(np.array(correlations) > 0.95) > 0.03, "near-copies of columns"


def test_half_of_the_tables_have_label_noise():
    """Without it the same draws differ in their labels only."""
    rates = []
    for seed in range(200):
        noisy, clean = (
            sample_table(np.random.default_rng(seed), 200, "classification", Limits(10, 10, 4, max_label_noise=rate))
            for rate in (0.3, 0.0)
        )
        if noisy.X.equals(clean.X) and set(noisy.y) == set(clean.y):
            rates.append(np.mean(noisy.y != clean.y))
    rates = np.array(rates)
    assert len(rates) > 150
    assert 0.4 < np.mean(rates == 0) < 0.65
    assert 0.1 < rates.max() < 0.4


def test_a_third_of_the_regressions_are_free_of_noise():
    is_equal = [
        np.array_equal(
            *(
                sample_table(np.random.default_rng(seed), 64, "regression", Limits(4, 4, max_noise=noise)).y
                for noise in (1.0, 0.0)
            )
        )
        for seed in range(200)
    ]
    assert 0.23 < np.mean(is_equal) < 0.45


def test_some_targets_are_skewed_and_some_whole(draws):
    targets = [table.y for table in draws["regression"] if len(table.y) >= 150]
    skews = np.array([np.mean(((y - y.mean()) / y.std()) ** 3) for y in targets])
    assert 0.05 < np.mean(np.abs(skews) > 2) < 0.5
    assert 0.05 < np.mean([(y % 1 == 0).all() for y in targets]) < 0.3


def test_classes_can_be_learnt():
    rng = np.random.default_rng(1)
    margins = []
    for _ in range(40):
        table = sample_table(rng, 220, "classification", EASY)
        X, y = table.X.to_numpy(), table.y
        learners = RandomForestClassifier(25, random_state=0), make_pipeline(StandardScaler(), SVC(C=10))
        best = max(learner.fit(X[:150], y[:150]).score(X[150:], y[150:]) for learner in learners)
        margins.append(best - np.mean(y[150:] == np.bincount(y[:150]).argmax()))
    assert np.mean(margins) > 0.2
    assert np.mean(np.array(margins) > 0.05) > 0.8
    assert np.std(margins) > 0.08, "easy and hard tables"


def test_quantities_can_be_learnt():
    rng = np.random.default_rng(2)
    scores = []
    for _ in range(40):
        table = sample_table(rng, 220, "regression", EASY)
        X, y = table.X.to_numpy(), table.y
        scores.append(RandomForestRegressor(25, random_state=0).fit(X[:150], y[:150]).score(X[150:], y[150:]))
    assert np.median(scores) > 0.5
    assert np.mean(np.array(scores) > 0.1) > 0.8


def test_only_the_shape_of_a_row_counts_in_row_shape():
    rng = np.random.default_rng(3)
    limits = Limits(12, 40, 2, max_label_noise=0.0, missing=False, families=("row_shape",))
    gains = []
    for _ in range(15):
        table = sample_table(rng, 300, "classification", limits)
        X = table.X.to_numpy()
        size = np.abs(X).mean(axis=1, keepdims=True)
        assert size.max() > 3 * size.min()
        raw, shape = (
            make_pipeline(StandardScaler(), SVC(C=10)).fit(A[:200], table.y[:200]).score(A[200:], table.y[200:])
            for A in (X, X / size)
        )
        gains.append(shape - raw)
    assert np.mean(gains) > 0.05


def test_signals_are_neither_constant_nor_of_one_form():
    rng = np.random.default_rng(4)
    for name, function in mechanisms.FUNCTIONS.items():
        Z = rng.integers(3, size=(200, 6)) - 1.0 if name == "rules" else rng.standard_normal((200, 6))
        signals = [function(rng, Z, 1) for _ in range(30)]
        assert all(signal.shape == (200, 1) and np.isfinite(signal).all() for signal in signals)
        assert np.mean([np.ptp(signal) > 0 for signal in signals]) > 0.9
        linear = [np.linalg.lstsq(np.c_[Z, np.ones(200)], signal, rcond=None)[1] for signal in signals]
        explained = [
            1 - rest[0] / (200 * signal.var()) for rest, signal in zip(linear, signals, strict=True) if signal.var() > 0
        ]
        if name == "linear":
            assert min(explained) > 1 - 1e-9
        else:
            assert min(explained) < 0.5


def test_rows_have_no_order():
    """A column that gives the row's number away would be a shortcut that no real table has."""
    rng = np.random.default_rng(5)
    place = np.arange(300) - 149.5
    found = []
    for _ in range(60):
        y = sample_table(rng, 300, "regression").y
        ranks = np.argsort(np.argsort(y + 1e-12 * rng.standard_normal(300)))
        found.append(np.corrcoef(place, ranks)[0, 1] * np.sqrt(300))
    assert abs(np.mean(found)) < 0.5
    assert 0.7 < np.std(found) < 1.4


def test_words_are_distinct():
    rng = np.random.default_rng(6)
    for n in (1, 2, 9, columns.MAX_LEVELS):
        assert all(len(set(columns.words(rng, n))) == n for _ in range(50))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((64, "ranking"), UnknownName, "have classification, regression"),
        ((64, "regression", Limits(families=("magic",))), UnknownName, "no family 'magic'; have mlp"),
        ((7, "regression"), UserError, "n_rows is 7"),
        ((64, "regression", Limits(min_features=9, max_features=8)), UserError, "min_features is 9"),
        ((64, "classification", Limits(max_classes=1)), UserError, "max_classes is 1"),
        ((64, "classification", Limits(max_label_noise=1.5)), UserError, "max_label_noise"),
        ((64, "classification", Limits(max_features=3, families=("row_shape",))), UserError, "max_features of 4"),
    ],
)
def test_impossible_wishes_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        sample_table(np.random.default_rng(0), *arguments)


READERS = {
    "utils.tables.tables",
    "utils.tables.files",
    "utils.tables.openml",
    "utils.tables.registry",
    "utils.tables.synthetic",
    "sklearn.datasets",
}


@pytest.mark.parametrize("path", sorted((ROOT / "others" / "pretraining").glob("*.py")), ids=lambda path: path.name)
def test_no_module_of_pretraining_names_a_real_table(path):
    tree = ast.parse(path.read_text("utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    assert not imported & READERS
    assert not any(name.startswith("sklearn.datasets") for name in imported)


def test_drawing_opens_no_file_and_loads_no_reader_of_tables():
    """Python reports every file and connection it opens, by whatever function, to its audit hooks."""
    code = f"""
import sys
import numpy as np
from others.pretraining.prior import TASKS, sample_table

assert not {READERS!r} & set(sys.modules), sorted({READERS!r} & set(sys.modules))
opened = []
sys.addaudithook(lambda event, words: event in ("open", "socket.connect") and opened.append(words))
rng = np.random.default_rng(0)
for i in range(120):
    sample_table(rng, 64, TASKS[i % 2])
code = (".py", ".pyc", ".so")  # a library may load another of its modules on first use
assert not [words for words in opened if not str(words[0]).endswith(code)], opened
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
