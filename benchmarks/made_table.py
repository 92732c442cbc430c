"""A generated classification table of any size, reproducible by its seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification

from utils.tables.splits import Split


def split(n, columns, seed):
    """`n` training rows of three classes, a quarter as many to validate and test; half of the columns informative."""
    ends = np.cumsum([n, n // 4, n // 4])
    X, y = make_classification(
        ends[-1], columns, n_informative=max(2, columns // 2), n_classes=3, n_clusters_per_class=1, random_state=seed
    )
    X, y = pd.DataFrame(X).add_prefix("x"), pd.Series(y.astype(str))
    parts = [slice(0, ends[0]), slice(ends[0], ends[1]), slice(ends[1], ends[2])]
    return Split(*(rows for part in parts for rows in (X.iloc[part], y.iloc[part])), task="classification")
