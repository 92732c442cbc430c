"""Realism of drawn rows: are they valid, are they copies, can a forest tell them from real rows?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from others._generation.generators import RowGenerator
from utils.tables.encoding import Encoder
from utils.tables.splits import Split

MEASURES = ("valid", "nearest_ratio", "near_share", "two_sample")
TITLES = {  # score → its title, and its value for held-out real rows
    "accuracy": ("accuracy of a forest fitted on\ndrawn rows, tested on real rows", float("nan")),
    "valid": ("valid rows (share of texts)", 1.0),
    "nearest_ratio": ("distance to training rows\n(real rows: 1)", 1.0),
    "near_share": ("rows near a training row\n(share; real rows: 5 %)", 0.05),
    "two_sample": ("forest, drawn against real\nrows (accuracy)", 0.5),
}
FOLDS = 5
NEAR = 0.05  # share of the real held-out rows that count as near a training row


def measures(learner: RowGenerator, split: Split) -> dict[str, Callable[[pd.DataFrame], float]]:
    """Columns for the results, from the fitted learner.

    valid           share of the drawn texts that are rows
    nearest_ratio   median distance of drawn rows to their nearest training row, divided by that of held-out rows: 0 for
                    copies, about 1 for rows that are as new as real ones
    near_share      share of drawn rows nearer to a training row than all but 5 % of the held-out rows: above
                    0.05 the learner copies
    two_sample      cross-validated accuracy of a forest on drawn against held-out rows: 0.5 is chance, 1 perfect

    Held-out rows are the validation and test rows; only the test rows if drawn rows contain the first half of
    validation rows. All rows are rounded to the levels, and distances are Euclidean between the encoded columns of
    `tables.encoding`. Labels count as a column of the two-sample test, which excludes repeated rows and rows with
    the same given half: the forest would recognise them from the other folds.
    """
    parts = ("test",) if learner.given == "half" else ("validation", "test")
    held = tuple(pd.concat([getattr(split, f"{kind}_{part}") for part in parts]) for kind in "Xy")
    train = split.X_train

    def distances() -> tuple[np.ndarray, np.ndarray]:
        encoder = Encoder().fit(learner.texts_.rounded(train))
        near = NearestNeighbors(n_neighbors=1).fit(encoder.transform(learner.texts_.rounded(train)))
        rows = (learner.drawn_, learner.texts_.rounded(held[0]))
        return tuple(near.kneighbors(encoder.transform(X))[0].ravel() for X in rows)

    def ratio(answers) -> float:
        if not len(learner.drawn_):
            return float("nan")
        own, real = distances()
        return float(np.median(own) / np.median(real)) if np.median(real) > 0 else float("nan")

    def near(answers) -> float:
        if not len(learner.drawn_):
            return float("nan")
        own, real = distances()
        return float(np.mean(own < np.quantile(real, NEAR) + 1e-12))

    def separability(answers) -> float:
        real = learner.texts_.rounded(held[0]).assign(label_=held[1].to_numpy())
        own = learner.drawn_.assign(label_=learner.labels_)
        given = list(train.columns[: train.shape[1] // 2]) if learner.given == "half" else None
        return two_sample(own.drop_duplicates(given), real.drop_duplicates(given))

    return dict(zip(MEASURES, (lambda answers: learner.valid_, ratio, near, separability), strict=True))


def two_sample(drawn: pd.DataFrame, real: pd.DataFrame) -> float:
    """Cross-validated accuracy of a forest on equally many rows of both; nan with fewer than five of each."""
    n = min(len(drawn), len(real))
    if n < FOLDS:
        return float("nan")
    rows = pd.concat([drawn.sample(n, random_state=0), real.sample(n, random_state=0)], ignore_index=True)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    kind = np.repeat([0, 1], n)
    found = cross_val_predict(RandomForestClassifier(random_state=0), Encoder().fit_transform(rows), kind, cv=folds)
    return float(np.mean(found == kind))
