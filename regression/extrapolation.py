"""Extrapolation: what does a learner predict outside its training range? (paper, appendix)

python -m regression.extrapolation                                                   # lift-tiny on a CPU, minutes
python -m regression.extrapolation --datasets linear quadratic:p=2 --widen 1         # twice as far, two inputs
python -m regression.extrapolation --methods gp lift lift:numbers=paper,decoding=greedy   # digits, not levels
"""

from dataclasses import dataclass

from regression import _grids
from utils import plots, study


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear", "quadratic", "cosine")  # functions, with options: data/README.md
    methods: tuple[str, ...] = ("mean", "knn", "gp", "xgboost", "lift", "lift:numbers=paper,decoding=greedy")
    seeds: tuple[int, ...] = (0,)  # one draw of the rows and one fine-tune each; the pictures show the last seed
    points: int = 161  # along each input of the grid; the paper has 200
    widen: float = 0.5  # extension of the grid on every side, as a share of the range: -20 to 20


def cases(config):
    return study.grid(config, study.functions(config), points=config.points, widen=config.widen)


def build(case, config):
    return _grids.trial(case, config, ("inside", "outside"))


def figure(results):
    columns = {"grid_rae": "inside the range", "grid_rae_outside": "outside it"}
    return plots.zones(
        results, columns, "Error inside and outside the training range", "absolute error (1: the mean, inside)"
    )


def finish(results):
    _grids.save(results, "Predictions outside the training range")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
