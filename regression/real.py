"""Real tables: is LIFT's regression as good as properly prepared baselines? (paper §3.1, Table 20)

python -m regression.real                                                    # scikit-learn's diabetes table, minutes
LIFT_DATA=FOLDER python -m regression.real --datasets paper                  # the paper's four, not shipped
LIFT_DATA=FOLDER python -m regression.real --datasets student --leave-out none G1+G2
"""

from dataclasses import dataclass, replace

from utils import plots, reporting, study, tables
from utils.errors import UserError
from utils.reporting import published
from utils.tables import splits

SENTENCES = {  # tables with a hand-written sentence that gives the meaning of every column
    "combined-cycle-power-plant": "ccpp",
    "medical-insurance": "insurance",
    "servo": "servo",
    "student-performance-por": "student",
}


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("diabetes",)  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("polynomial", "kernel_ridge", "knn", "gbt", "forest", "gp", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split, one draw of the rows and one fine-tune each
    fractions: tuple[float, ...] = (0.2, 1.0)  # of training and validation rows
    names: tuple[str, ...] = ("no", "yes")  # whether LIFT's prompts name the columns; other learners cannot use names
    leave_out: tuple[str, ...] = ("none",)  # columns such as G1+G2, which nearly give away the target of student


def cases(config):
    names = study.of_lift(config.names, "no")
    return study.grid(config, "regression", fraction=config.fractions, names=names, leave_out=config.leave_out)


def build(case, config):
    fraction, names, columns = case.settings.values()
    if names == "yes":
        name = study.table_of(case.dataset, config, "regression").name
        wording = SENTENCES.get(name, "names") if columns == "none" else "names"
        config = replace(config, wording=wording, categories=config.categories or "text")  # words keep their meaning
    trial = study.trial(case, config, "regression")
    left = [] if columns == "none" else columns.split("+")
    if missing := set(left) - set(trial.split.X_train):
        raise UserError(f"--leave-out: {trial.dataset} has no column {', '.join(sorted(missing))}")
    split = trial.split.subsample(round(fraction * len(trial.split.y_train)), case.seed)
    kept = {f"X_{part}": getattr(split, f"X_{part}").drop(columns=left) for part in splits.PARTS}
    return replace(trial, split=replace(split, **kept))


def figure(results):
    named = results["names"].map({"no": "", "yes": ", names"}) + results["leave_out"].map(
        lambda columns: "" if columns == "none" else f" without {columns}"
    )
    frame = results.assign(method=results["method"] + named, percent=100 * results["fraction"])
    title, label = "RAE on test rows, unfiltered", "% of the training rows"
    looks = {"log": False, "y_log": True, "styles": {"lift, names": {"color": plots.LIFT_COLOUR, "linestyle": "--"}}}
    return plots.lines(frame, "percent", "rae_mean_filled", title, label, **looks)


def finish(results):
    """The scores of properly prepared learners, next to the paper's."""
    frame = reporting.by_model(reporting.latest(results.frame()))
    frame = frame.assign(paper_name=frame["dataset"].map(lambda name: tables.published_name(name) or ""))
    keys = ["paper_name", "leave_out", "method", "fraction", "names"]
    means = frame.groupby(["dataset", *keys], dropna=False)[["rae_mean_filled", "rae_filtered5"]].mean().reset_index()
    paper = published.real_tables().rename(columns={"dataset": "paper_name"}).assign(leave_out="none")
    table = means.merge(paper, "left", keys).drop(columns="paper_name")
    title = "RAE here and in the paper, whose classical learners had the row number as a feature"
    reporting.show(results, "published", table, title)


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
