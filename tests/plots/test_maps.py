"""Maps of colours."""

import numpy as np
import pandas as pd

from utils import plots


def test_a_heat_map_writes_its_numbers_and_marks_a_column(tmp_path):
    cells = pd.DataFrame({"knn": [0.123, np.nan], "lift": [1.0, -0.2]}, index=["tree", "svm"])
    figure = plots.heat_map(cells, "t", "kappa")
    figure.savefig(tmp_path / "map.png")
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == {"0.12", "–", "1.00", "-0.20"}
    assert [tick.get_color() == plots.LIFT_COLOUR for tick in axes.get_xticklabels()] == [False, True]
    plots.heat_map(cells * np.nan, "t", "kappa").savefig(tmp_path / "empty.png")
