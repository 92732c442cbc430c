"""Ridge by augmentation: do rows λ·e_j with y = 0 act on LIFT like a ridge penalty of λ²? (paper, appendix)

python -m others.ridge                                                      # lift-tiny on a CPU, minutes
python -m others.ridge --inputs 1 --penalties 0 1000 --seeds 0 1 2
python -m others.ridge --model EleutherAI/gpt-j-6b --adapter lora
"""

from dataclasses import dataclass, replace

from others import _ridge
from utils import plots, study
from utils.tables import synthetic


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear",)  # functions without noise, with options: data/README.md
    methods: tuple[str, ...] = (  # the first is the ridge solution itself; lift may have options
        "least_squares",
        "knn",
        "xgboost",
        "lift",
        "lift:scale=quantile",
    )
    seeds: tuple[int, ...] = (0,)  # one draw of the data and one fine-tune each
    inputs: tuple[int, ...] = (1, 10)  # p, the number of inputs and of added rows
    penalties: tuple[float, ...] = (0.0, 10.0, 100.0)  # λ in units of the inputs, which lie in -10 … 10


def cases(config):
    names = study.functions(config, [f"p={p}" for p in config.inputs], "noise=0")
    return study.grid(config, names, penalty=config.penalties)


def build(case, config):
    penalty, control = case.settings["penalty"], case.method == _ridge.CONTROL
    trial = study.trial(replace(case, method="mean") if control else case, config, "regression")
    return replace(
        trial,
        split=_ridge.appended(trial.split, penalty),
        learner=_ridge.LeastSquares() if control else trial.learner,
        measures=_ridge.measures(trial.split, penalty),
    )


def figure(results):
    """A penalised learner shrinks with λ and stays close to the ridge solution; others stay close to the truth."""
    values = sorted(results["penalty"].unique())
    names = results["dataset"].map(lambda name: f"p = {synthetic.table(name).options.p}")
    several = results["dataset"].map(lambda name: synthetic.without(name, "p", "noise"))
    names = names if several.nunique() == 1 else several + ", " + names
    frame = results.assign(dataset=names, place=results["penalty"].map(values.index))
    scores = {
        "slope": "slope of the answers (1: the truth)",
        "distance_ridge": "distance to the ridge solution",
        "distance_truth": "distance to the truth",
    }
    title = "Effect of added rows λ·e_j with y = 0 (distances in sd of y)"
    lines = plots.score_lines(frame, "place", scores, title, "λ (the penalty is λ²)")
    for axes in lines.axes:
        axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
    return lines


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
