"""Noise: what does noise on the training targets cost, and how close does LIFT get to the floor? (paper, appendix)

python -m regression.noise                                                   # lift-tiny on a CPU, minutes
python -m regression.noise --datasets functions --noises 0 .1 .2 .4 .8       # all functions of one input and of two
python -m regression.noise --model EleutherAI/gpt-j-6b --adapter lora        # one GPU
"""

from dataclasses import dataclass, replace

import numpy as np

from utils import metrics, plots, study
from utils.tables import synthetic

FLOOR = "noise alone"  # name in the figure of the two scores that need no learner


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear", "quadratic:p=2")  # functions, with options: data/README.md
    methods: tuple[str, ...] = ("knn", "gbt", "gp", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one draw of data and noise and one fine-tune each
    noises: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8)  # sd of the noise on targets, in sd of the noise-free ones


def cases(config):
    return study.grid(config, study.functions(config, [f"noise={noise}" for noise in config.noises]))


def build(case, config):
    """Test targets are noise-free: a perfect learner scores 0, which is impossible against noisy targets."""
    trial = study.trial(case, config, "regression")
    truth, sd = trial.split.y_test, synthetic.load(case.dataset).noise_sd(trial.split.X_test, case.seed)
    noisy = truth + sd * np.random.default_rng([24, case.seed]).standard_normal(len(truth))  # 24: a separate stream

    def rae(true, answered):
        return metrics.regression(true, answered, fill=trial.split.y_train.mean())["rae_mean_filled"]

    measures = {
        "rae_noisy": lambda answers: rae(noisy, answers["parsed"]),  # the answers against noisy targets
        "rae_truth": lambda answers: rae(noisy, truth),  # the function itself against noisy targets: the floor
        "rae_label": lambda answers: rae(truth, noisy),  # noisy targets as answers: the score of memorising
    }
    return replace(trial, measures=measures)


def figure(results):
    """Left against noise-free targets, right against noisy ones; a learner that memorises lies on the dashed line."""
    import pandas as pd

    names = results["dataset"]
    noises = names.map(lambda name: synthetic.load(name).options.noise)
    frame = results.assign(noise=noises, dataset=names.map(lambda name: synthetic.without(name, "noise")))
    alone = frame.assign(method=FLOOR, rae_mean_filled=frame["rae_label"], rae_noisy=frame["rae_truth"])
    frame = pd.concat([frame, alone.drop_duplicates(["dataset", "noise", "seed"])])
    scores = {"rae_mean_filled": "against noise-free targets", "rae_noisy": "against noisy targets"}
    title = "RAE on test rows (dashed: the noise itself)"
    label, styles = (
        "noise on training targets, in sd of the noise-free targets",
        {FLOOR: {"color": "k", "linestyle": "--"}},
    )
    return plots.score_lines(frame, "noise", scores, title, label, styles=styles)


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
