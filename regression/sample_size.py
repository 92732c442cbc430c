"""Sample size: how many rows does LIFT need, and how many to match the Gaussian process? (paper §3.2, Fig. 25)

python -m regression.sample_size                                             # lift-tiny on a CPU, minutes
python -m regression.sample_size --datasets diabetes ccpp --rows 32 128 512 --shares 1   # real tables
python -m regression.sample_size --datasets cosine:p=2,n=1024 --rows 16 64 256 1024 --methods gp xgboost lift
"""

from dataclasses import dataclass, replace

from utils import plots, reporting, study
from utils.reporting import power_law


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear:n=256", "cosine:n=256", "piecewise:n=256")  # n: rows to draw from
    methods: tuple[str, ...] = ("mean", "knn", "gp", "xgboost", "lift")
    seeds: tuple[int, ...] = (0, 1)  # one draw of the data, one of the rows and one fine-tune each
    rows: tuple[int, ...] = (4, 16, 64, 256)  # training rows, where the table has as many
    shares: tuple[float, ...] = (1.0,)  # of the training rows, in addition to the numbers above


def cases(config):
    rows = study.sizes(config, "regression", config.rows, config.shares)
    return study.grid(config, "regression", rows=rows)


def build(case, config):
    trial = study.trial(case, config, "regression")
    return replace(trial, split=trial.split.subsample(case.settings["rows"], case.seed))


def figure(results, score="rae_mean_filled", name="RAE, unfiltered"):
    same = score == "rae_mean_filled"  # targets differ in their units
    return plots.lines(results, "rows", score, f"{name}, on test rows", "training rows", y_log=True, share_y=same)


def finish(results):
    """The same for RMSE, the fitted curves, and how many rows LIFT needs to match the Gaussian process on all rows."""
    frame = reporting.latest(results.frame())
    figure(frame, "rmse_mean_filled", "RMSE (units of the target)").savefig(results.sibling("_rmse.png"), dpi=150)
    print(f"picture  {results.sibling('_rmse.png')}")
    needed = power_law.rows_to_match(frame, "rae_mean_filled", "lift", "gp")
    reporting.show(results, "needed", needed, "rows that LIFT needs to match gp on all rows")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
