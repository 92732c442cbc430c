"""Contradicting prompts: does a wrong formula in the prompt hurt, and does a right one help? (paper, appendix)

python -m others.contradicting_prompts                                      # lift-tiny on a CPU, minutes
python -m others.contradicting_prompts --prompts neutral compact --rows 16  # other texts: a wording's name, or your own
python -m others.contradicting_prompts --model EleutherAI/gpt-j-6b --numbers paper --decoding greedy --jitter 0
"""

from dataclasses import dataclass, replace

from others import _contradicting_prompts
from utils import plots, reporting, study
from utils.errors import UserError


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("sum", "difference")  # y = x1 + x2 or x1 - x2
    methods: tuple[str, ...] = ("knn", "gp", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one draw of the data and one fine-tune each
    rows: tuple[int, ...] = (16, 128)  # training rows
    prompts: tuple[str, ...] = ("neutral", "correct", "contradicting")  # or wordings, own texts; in training and test


def cases(config):
    if config.wording:
        raise UserError(f"here the wording is set by --prompts; give --prompts {config.wording!r} instead of --wording")
    return study.grid(config, config.datasets, rows=config.rows, prompt=study.of_lift(config.prompts))


def build(case, config):
    split = _contradicting_prompts.split(case.dataset, case.settings["rows"], case.seed)
    split = split.limit(config.limit) if config.limit else split
    if not case.is_lift:
        return study.Trial(case.dataset, "synthetic", split, study.learner(case, config, "regression"))
    prompted = replace(config, wording=_contradicting_prompts.wording(case.dataset, case.settings["prompt"]))
    learner = _contradicting_prompts.PromptedRegressor(
        **study.learner(case, prompted, "regression").get_params(deep=False)
    )
    return study.Trial(case.dataset, "synthetic", split, learner)


def figure(results):
    """LIFT in colours, by prompt; other learners see no prompt and stay in the background."""
    names = results["method"] + results["prompt"].map({"none": ""}).fillna(", " + results["prompt"])
    titles = results["dataset"].map(lambda name: f"y = {_contradicting_prompts.FORMULAS[name]}")
    frame = results.assign(method=names, dataset=titles)
    title, label = "RMSE on test rows by formula in the prompt", "training rows (error: RMSE, units of y)"
    prompts = [f"lift, {prompt}" for prompt in results["prompt"].unique() if prompt != "none"]
    looks = {name: {"color": plots.ARMS[i % len(plots.ARMS)], "linewidth": 2} for i, name in enumerate(prompts)}
    others = [name for name in names.unique() if name not in prompts]
    dashes = dict(zip(others, ("--", ":", "-.") * len(others), strict=False))
    looks |= {name: {"color": "0.6", "linestyle": dash, "zorder": 1} for name, dash in dashes.items()}
    return plots.lines(frame, "rows", "rmse_mean_filled", title, label, styles=looks)


def finish(results):
    """Differences from the neutral prompt, on the same rows."""
    frame = reporting.latest(results.frame())
    lift = frame[frame["method"] == "lift"]
    found = reporting.paired_differences(lift, "prompt", "neutral", ("dataset", "rows"), "rmse_mean_filled")
    found = found.rename(columns={"better": "worse"})  # positive differences are larger errors
    reporting.show(results, "paired", found, "RMSE minus that of the neutral prompt, same rows")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
