"""Self-training: do unlabelled rows help if the learner adds its own confident labels? (not in the paper)

python -m others.self_training                                              # lift-tiny on a CPU, minutes
python -m others.self_training --arms none self:threshold=.95 self:threshold=0,share=.5 random all --rows 8
python -m others.self_training --datasets my.csv --target label --rows 20 --arms none self:rounds=5 all
"""

from dataclasses import dataclass, replace
from itertools import product

from others import _self_training
from utils import plots, reporting, study
from utils.errors import UserError


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("iris", "moons:n=400")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift")  # learners with probabilities
    seeds: tuple[int, ...] = (0,)  # one split, one draw of the labelled rows and one fine-tune each
    rows: tuple[int, ...] = (8, 32)  # labelled training rows, at most all; the others lose their labels
    arms: tuple[str, ...] = (  # or random; self has the options of _self_training.py
        "none",
        "self:threshold=.9",
        "self:threshold=0,share=.5",
        "all",
    )


def cases(config):
    if min(config.rows) < 2:
        raise UserError("1 row has a single class, from which nothing can be learnt; give --rows 2 or more")
    for case in study.grid(config, "classification"):
        n = study.n_train(case, config, "classification")
        for rows, arm in product(sorted({min(rows, n) for rows in config.rows}), config.arms):
            yield replace(case, settings={"rows": n if arm == "all" else rows, "arm": arm})


def build(case, config):
    built = study.trial(case, config, "classification")
    return _self_training.trial(built, case.settings["rows"], case.settings["arm"], case.seed)


def figure(results):
    """Rows are data sets, columns learners, lines arms; the last point has all labels."""
    names = sorted(results["method"].unique(), key=reporting.rank)
    arm = results["arm"].replace({"none": "labelled rows only", "all": "all labels"})
    own = {name: results["accuracy"].where(results["method"] == name) for name in names}
    titles = {name: name.upper() if name == "lift" else name for name in names}
    title, label = "Accuracy with self-training (share of test rows)", "labelled training rows"
    lines = plots.score_lines(results.assign(method=arm, **own), "rows", titles, title, label, log=True)
    for axes in lines.axes:
        axes.set_ylim(results["accuracy"].min() - 0.03, 1.02)
    return lines


def finish(results):
    """Differences from the labelled rows alone; how many labels were kept and how many of them are correct."""
    frame = reporting.latest(results.frame())
    kinds = frame[frame["arm"] != "all"]
    found = reporting.paired_differences(kinds, "arm", "none", ("dataset", "method", "rows"))
    if len(found):
        same = ["dataset", "method", "rows", "arm"]
        columns = ["pseudo_rows", "pseudo_share", "pseudo_accuracy"]
        found = found.merge(kinds.groupby(same, as_index=False)[columns].mean(), on=same, how="left")
        reporting.show(results, "paired", found, "difference from the labelled rows alone, same rows")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
