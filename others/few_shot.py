"""Few rows: how good is LIFT with 0 to 128 labelled rows? (TabLLM's protocol; beyond the paper)

python -m others.few_shot                                                  # lift-tiny on a CPU, minutes
python -m others.few_shot --model smollm2 --datasets blood-transfusion-service-center --rows 0 16 64
LIFT_DATA=FOLDER python -m others.few_shot --datasets california-housing   # a regression table, cut at its median
"""

from dataclasses import dataclass
from itertools import product

from others import _few_shot
from utils import plots, reporting, study


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("breast_cancer",)  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split, one draw of the rows and one fine-tune each
    rows: tuple[int, ...] = (0, 4, 8, 16, 32, 64, 128)  # labelled rows, balanced over the classes, as far as possible
    wordings: tuple[str, ...] = ("names", "paper")  # of LIFT, with the column names and with x1, x2, …


def cases(config):
    for dataset, method, seed in product(_few_shot.expand(config.datasets), config.methods, config.seeds):
        for n, wording in product(config.rows, config.wordings if method == "lift" else ("",)):
            if n or method == "lift":  # classical learners need rows
                yield study.Case(dataset, method, seed, {"rows": n, "names": wording or "–"})


def build(case, config):
    return _few_shot.trial(case, config)


def figure(results):
    """One panel per data set, one line per learner and wording; area under the ROC curve."""
    scored = results[results["roc_auc"].notna()]
    learner = scored["method"].where(scored["method"] != "lift", "lift, " + scored["names"])
    untuned = min(scored["rows"][scored["rows"] > 0], default=2) / 2  # where 0 rows stand on the logarithmic axis
    frame = scored.assign(method=learner, rows=scored["rows"].mask(scored["rows"] == 0, untuned))
    drawn = plots.lines(frame, "rows", "roc_auc", "Few labelled rows: area under the ROC curve", "labelled rows")
    for axes in drawn.axes:
        axes.set_xticks(sorted(frame["rows"].unique()))
        axes.xaxis.set_major_formatter(lambda n, _: "0" if n == untuned else f"{n:g}")
    return drawn


def finish(results):
    """The curve as a table: mean AUC over the draws."""
    frame = reporting.by_model(reporting.latest(results.frame()))
    same = ["dataset", "method", "names", "rows"]
    found = frame.groupby(same, as_index=False)["roc_auc"].agg(["mean", "std", "count"])
    results.write_table("auc", found.rename(columns={"mean": "roc_auc", "std": "roc_auc_sd", "count": "n"}))


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
