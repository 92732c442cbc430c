"""Model size: is a larger model of the same family better, and what does it cost? (paper, appendix)

python -m others.model_size                                                 # lift-tiny and random starts, minutes
python -m others.model_size --models random:layers=2,hidden=48 random:layers=8 --datasets cosine quadratic:p=2
python -m others.model_size --models EleutherAI/pythia-70m EleutherAI/pythia-160m EleutherAI/pythia-410m \
  --adapter lora --learning-rates 1e-4 3e-4 1e-3                            # a family of open models, on a GPU
"""

from dataclasses import dataclass

from others import _bases
from utils import reporting, study


@dataclass(frozen=True)
class Config(_bases.Config):
    datasets: tuple[str, ...] = ("linear", "cosine")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("knn", "gp", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one draw of the data and one fine-tune each
    models: tuple[str, ...] = (  # random starts of --model in three sizes, and lift-tiny; or folders and Hub ids
        "random:layers=2,hidden=48",
        "random:layers=4,hidden=96",
        "random:layers=6,hidden=144",
        "lift-tiny",
    )


def cases(config):
    _bases.check(config.models)
    return study.grid(config, "regression", base=study.of_lift(config.models, _bases.NONE))


def build(case, config):
    return _bases.trial(case, config, "regression")


def figure(results):
    return _bases.costs(results, "Error and cost of base models by size")


def finish(results):
    """Parameters, error, seconds and tokens of every base, smallest first."""
    frame = reporting.latest(results.frame())
    lift = frame[frame["method"] == "lift"]
    columns = ["parameters", "rae_mean_filled", "seconds_fit", "seconds_predict", "tokens_train"]
    means = lift.groupby(["dataset", "base"], as_index=False)[columns].mean()
    means = means.sort_values(["dataset", "parameters", "base"]).round(3)
    reporting.show(results, "costs", means, "size, error and cost, means over seeds")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
