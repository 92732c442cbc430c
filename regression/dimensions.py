"""Dimensions: at how many inputs does LIFT fail, and which number formats change that? (paper §3.1, Table 19)

python -m regression.dimensions                                              # lift-tiny on a CPU, minutes
python -m regression.dimensions --inputs 50 120 --methods gp lift lift:levels=50 lift:scale=quantile
python -m regression.dimensions --methods lift lift:numbers=significant,digits=2,decoding=greedy lift:decoding=mean
"""

from dataclasses import dataclass

from utils import plots, reporting, study
from utils.tables import synthetic

BROKEN = 0.9  # of the error of predicting the mean: at or above this, hardly anything was learnt


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear", "quadratic")  # functions, with options: data/README.md
    methods: tuple[str, ...] = ("mean", "knn", "gp", "xgboost", "lift", "lift:levels=50")  # lift may have options
    seeds: tuple[int, ...] = (0,)  # one draw of the data and one fine-tune each
    inputs: tuple[int, ...] = (1, 2, 5, 10)  # p, the number of inputs; the paper has 1, 2, 50 and 100 or 120


def cases(config):
    return study.grid(config, study.functions(config, [f"p={p}" for p in config.inputs]))


def build(case, config):
    return study.trial(case, config, "regression")


def with_inputs(results):
    """The frame with columns for the function (without its number of inputs) and for that number."""
    names = results["dataset"]
    p = names.map(lambda name: synthetic.table(name).options.p)
    return results.assign(function=names.map(lambda name: synthetic.without(name, "p")), p=p)


def figure(results):
    title = "Error against the number of inputs"
    label = "inputs p (error: RAE, unfiltered)"
    return plots.lines(with_inputs(results), "p", "rae_mean_filled", title, label, ("function",), y_log=True)


def finish(results):
    """The number of inputs at which each learner is first hardly better than the mean."""
    frame = reporting.by_model(reporting.latest(results.frame()))
    means = with_inputs(frame).groupby(["function", "method", "p"])
    means = means[["rae_mean_filled", "chance"]].mean().reset_index()
    broken = means[means["rae_mean_filled"] >= BROKEN * means["chance"]]
    first = broken.groupby(["function", "method"])["p"].min().unstack("function")
    methods = sorted(means["method"].unique(), key=reporting.rank)
    first = first.reindex(index=methods, columns=means["function"].unique())
    first = first.map(lambda p: f"above {means['p'].max()}" if p != p else f"{p:.0f}").reset_index()
    reporting.show(results, "breaks", first, f"fewest inputs at which RAE is {BROKEN:.0%} of that of the mean, or more")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
