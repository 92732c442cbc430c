"""Interpolation: what does a learner predict in a gap, the left-out middle third of the inputs? (paper, appendix)

python -m regression.interpolation                                                   # lift-tiny on a CPU, minutes
python -m regression.interpolation --datasets functions                              # of one input and of two
python -m regression.interpolation --methods gp lift lift:numbers=paper,decoding=greedy   # digits, not levels
"""

from dataclasses import dataclass

from regression import _grids
from utils import plots, study


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear", "quadratic", "cosine")  # functions, with options: data/README.md
    methods: tuple[str, ...] = ("mean", "knn", "gp", "xgboost", "lift", "lift:numbers=paper,decoding=greedy")
    seeds: tuple[int, ...] = (0,)  # one draw of the rows and one fine-tune each; the pictures show the last seed
    points: int = 121  # along each input of the grid
    widen: float = 0.0  # extension of the grid on every side, as a share of the range


def cases(config):
    return study.grid(config, study.functions(config, "hole=1"), points=config.points, widen=config.widen)


def build(case, config):
    return _grids.trial(case, config, ("inside", "hole"))


def figure(results):
    columns = {"grid_rae": "outside the gap", "grid_rae_hole": "in the gap"}
    return plots.zones(
        results, columns, "Error outside and inside the gap", "absolute error (1: the mean, over the range)"
    )


def finish(results):
    _grids.save(results, "Predictions with a gap in the training inputs")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
