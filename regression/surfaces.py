"""Surfaces: what does each learner predict for a function of two inputs? (paper §3.1, Fig. 2 and appendix)

python -m regression.surfaces                                                        # lift-tiny on a CPU, minutes
python -m regression.surfaces --datasets synthetic --rows 200 300 500 1000 --points 60     # the paper's, one seed
python -m regression.surfaces --datasets cosine:noise=0 --methods gp xgboost lift lift:levels=50
"""

from dataclasses import dataclass

from regression import _grids
from utils import plots, study
from utils.tables import synthetic


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("quadratic", "cosine", "piecewise")  # functions, with options: data/README.md
    methods: tuple[str, ...] = ("knn", "gp", "xgboost", "lift")  # lift may have options: lift:levels=50
    seeds: tuple[int, ...] = (0,)  # one draw of the rows and one fine-tune each; the pictures show the last seed
    rows: tuple[int, ...] = (200, 500)  # training rows
    points: int = 36  # along each side of the grid; the paper has 60
    widen: float = 0.1  # extension of the grid on every side, as a share of the range; as in the paper


def cases(config):
    names = study.functions(config, "p=2", [f"n={n}" for n in config.rows])
    return study.grid(config, names, points=config.points, widen=config.widen)


def build(case, config):
    return _grids.trial(case, config, ("inside", "outside"))


def figure(results):
    names = results["dataset"]
    rows = names.map(lambda name: synthetic.table(name).options.n)
    shown = results.assign(function=names.map(lambda name: synthetic.without(name, "n")), rows=rows)
    label = "training rows (error: RAE at the grid's points)"
    return plots.lines(shown, "rows", "grid_rae", "Error over the training range", label, ("function",), y_log=True)


def finish(results):
    _grids.save(results, "Learnt surfaces")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
