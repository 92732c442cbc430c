"""What looks wrong about a table before anything is learnt from it: one sentence per finding.

Nothing here changes a row or stops a run. Rows are drawn with a fixed seed, so that findings depend only on the table.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from . import disguises
from .dates import date_format
from .splits import Split

FOLDS = 3  # for testing whether a column alone predicts the target
LEAK_ROWS = 1000  # rows on which each column is tested alone
MOST_ERROR = {True: 0.02, False: 0.005}  # of a leak, as a share of a constant's; for labels and for numbers
SAME_ORDER = 0.9995  # rank correlation
FEWEST = 20  # rows; below, identifiers and leaks may be chance
IDENTIFIER_SHARE = 0.95  # share of the rows with a unique text
ID_NAME = re.compile(r"(?:^|[_\W])(?:id|ids|uuid|guid|key|index|row|nr|no|number|serial)$|[a-z]I[dD]$", re.IGNORECASE)


def found(X: pd.DataFrame, y: pd.Series, split: Split) -> list[str]:
    """Findings about columns, names and rows, as sentences.

    Args:
        X, y: the table, as in `tables.Table`.
        split: its parts.
    """
    return [
        *_header(X, y),
        *_constants(X),
        *(sentence for name in X for sentence in _column(X[name])),
        *_labels(y),
        *_leaks(X, y),
        *_duplicates(split),
    ]


def _header(X: pd.DataFrame, y: pd.Series) -> Iterator[str]:
    """Data read as column names: numeric columns are named by numbers, the others by a cell of theirs."""
    columns = [*(X[name] for name in X), y]
    numeric = [column for column in columns if pd.api.types.is_numeric_dtype(column)]
    texts = [column for column in columns if not pd.api.types.is_numeric_dtype(column)]
    named = [str(column.name) for column in numeric]
    if not all(disguises.is_number(name) or disguises.is_missing(name) for name in named):
        return
    is_counted = len(named) > 1 and _is_counted(named)  # 2019, 2020, 2021 or 0, 1, 2 are names
    n_cells = sum(str(column.name) in set(column.dropna()) for column in texts)
    if (numeric and not is_counted and 2 * n_cells >= len(texts)) or (not numeric and n_cells > len(texts) / 2):
        names = ", ".join(str(column.name) for column in columns[:4]) + (", …" if len(columns) > 4 else "")
        yield f"the first line ({names}) looks like data, not column names; put a line of column names above it"


def _is_counted(names: list[str]) -> bool:
    if not all(name.isdigit() for name in names):
        return False
    numbers = [int(name) for name in names]
    return set(np.diff(numbers)) == {1}


def _constants(X: pd.DataFrame) -> Iterator[str]:
    kinds = {"empty": [name for name in X if X[name].isna().all()]}
    kinds["the same in every row"] = [name for name in X if X[name].nunique() == 1]
    for state, names in kinds.items():
        if names:
            shown = ", ".join(map(repr, names[:5])) + (", …" if len(names) > 5 else "")
            subject = f"column {shown} is" if len(names) == 1 else f"columns {shown} are"
            yield f"{subject} {state}, so nothing can be learnt from {'it' if len(names) == 1 else 'them'}"


def _column(column: pd.Series) -> Iterator[str]:
    name, n = column.name, len(column)
    present = column.dropna()
    n_values = present.nunique()
    if n_values < 2:
        return
    if date_format(column):
        yield f"column {name!r} holds dates, which are read as text; split them into numbers (year, month, weekday)"
        return
    if n < FEWEST or n_values < IDENTIFIER_SHARE * len(present):
        return
    if pd.api.types.is_integer_dtype(column):
        values = column.to_numpy()
        if n_values == n and values.max() - values.min() == n - 1:
            yield f"column {name!r} numbers the rows; leave it out, since new rows have other numbers"
        elif n_values == n and ID_NAME.search(str(name)):
            yield f"column {name!r} has a different number in every row, like an identifier; leave it out if it is one"
    elif not pd.api.types.is_numeric_dtype(column):
        is_word = (~present.str.strip().str.contains(r"\s")).mean() > 0.9
        kind = "an identifier" if is_word else "free text"
        yield (
            f"column {name!r} looks like {kind}: {n_values} of {len(present)} rows have a unique text"
            + ("; leave it out, since new rows have others" if is_word else ", which lift-tiny cannot read")
        )


def _labels(y: pd.Series) -> Iterator[str]:
    if pd.api.types.is_numeric_dtype(y):
        return
    counts = y.value_counts()
    marks = [label for label in counts.index if disguises.is_missing(label)]
    if marks:
        yield f"{', '.join(map(repr, marks))} is a class of {y.name!r}; remove these rows if it means missing"
    rare = counts[counts < 3]
    if len(rare):
        shown = ", ".join(f"{str(label)[:30]!r} ({n})" for label, n in rare.head(3).items())
        shown += ", …" if len(rare) > 3 else ""
        yield f"{len(rare)} of {len(counts)} classes have fewer rows than there are parts: {shown}"


def _leaks(X: pd.DataFrame, y: pd.Series) -> Iterator[str]:
    """Columns that alone predict the target on held-out rows."""
    if len(y) < FEWEST or X.shape[1] < 2:
        return
    rows = np.sort(np.random.default_rng(0).permutation(len(y))[:LEAK_ROWS])
    target = y.iloc[rows].reset_index(drop=True)
    is_labels = not pd.api.types.is_numeric_dtype(y)
    if is_labels and target.value_counts().iloc[0] > len(target) - 6:
        return  # too few rows of the other classes to tell
    for name in X:
        column = X[name].iloc[rows].reset_index(drop=True)
        if (column.astype(str) == target.astype(str)).all():
            how = "equals the target in every row"
        elif not is_labels and _same_order(column, target):
            how = "sorts the rows almost exactly as the target does"
        elif (error := _error(column, target, is_labels)) > MOST_ERROR[is_labels] * _chance(target, is_labels):
            continue
        else:
            score = f"{1 - error:.1%}" if is_labels else f"R² = {1 - error / _chance(target, is_labels):.4f}"
            how = f"alone predicts the target ({score} on held-out rows)"
        yield f"column {name!r} {how}; leave it out if it is not known before the target"


def _same_order(column: pd.Series, target: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() < FEWEST:
        return False
    return abs(column.corr(target, method="spearman")) > SAME_ORDER


def _chance(target: pd.Series, is_labels: bool) -> float:
    """The error of a constant prediction: the most frequent class, or the mean."""
    return 1 - target.value_counts(normalize=True).iloc[0] if is_labels else float(np.var(target))


def _error(column: pd.Series, target: pd.Series, is_labels: bool) -> float:
    """Error rate, or mean squared error, of a tree on one column, cross-validated."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(float)[:, None]
    else:
        codes, levels = pd.factorize(column, sort=True)
        if len(levels) > len(column) / 2:
            return np.inf  # words that occur once do not generalise
        values = codes[:, None].astype(float)
    make = DecisionTreeClassifier if is_labels else DecisionTreeRegressor
    y = pd.factorize(target)[0] if is_labels else target.to_numpy(float)
    if is_labels and target.value_counts().iloc[0] < FOLDS:
        return np.inf  # too few rows per class to tell whether a column predicts them
    folds = (StratifiedKFold if is_labels else KFold)(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        predicted = cross_val_predict(make(min_samples_leaf=2, random_state=0), values, y, cv=folds)
    return float(np.mean(predicted != y) if is_labels else np.mean((predicted - y) ** 2))


def _duplicates(split: Split) -> Iterator[str]:
    train, test = _rows(split.X_train), _rows(split.X_test)
    training = set(train)
    again = [index for index, row in enumerate(test) if row in training]
    if again:
        answers = set(zip(train, map(str, split.y_train), strict=True))
        truths = split.y_test.astype(str).tolist()
        n_same = sum((test[index], truths[index]) in answers for index in again)
        yield (
            f"{len(again)} of {len(test)} test rows duplicate a training row, {n_same} of them with the same answer; "
            "if rows were copied, remove the copies, or scores will reward memorisation"
        )


def _rows(X: pd.DataFrame) -> list[tuple]:
    columns = [X[name].astype(object).where(X[name].notna(), None) for name in X]
    return list(zip(*columns, strict=True))
