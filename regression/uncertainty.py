"""Uncertainty: does the spread of LIFT follow the noise, and are its intervals calibrated? (paper §4.2, Fig. 36)

python -m regression.uncertainty                                             # lift-tiny on a CPU, minutes
python -m regression.uncertainty --datasets functions --noise .4             # all functions of one input and of two
python -m regression.uncertainty --samples 20                                # the spread of sampled answers
python -m regression.uncertainty --model EleutherAI/gpt-j-6b --adapter lora --decoding median --samples 20
"""

from dataclasses import dataclass, replace

import numpy as np

from regression import _uncertainty
from utils import reporting, study
from utils.tables import synthetic

SHOWN = ["crps", "coverage_90", "width_90", "conformal_coverage_90", "conformal_width_90", "spearman", "sd_pearson"]


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear", "cosine")  # functions, with options: data/README.md
    methods: tuple[str, ...] = ("gp", "gbt_quantile", "lift")  # all regressors with a predictive distribution
    seeds: tuple[int, ...] = (0,)  # one draw of data and noise and one fine-tune each
    rows: int = 1000  # training rows, as in the paper; a quarter for validation, which also calibrates the intervals
    noise: float = 0.2  # mean sd, in sd of the noise-free targets; 0.2 × it at the lowest inputs, 1.8 × at the highest


def cases(config):
    options = ("hetero=1", f"noise={config.noise}", f"n={config.rows}")
    return study.grid(config, study.functions(config, *options))


def build(case, config):
    trial = study.trial(case, config, "regression")
    sd = synthetic.load(case.dataset).noise_sd(trial.split.X_test, case.seed)
    draws = np.random.default_rng([17, case.seed]).standard_normal(len(sd))  # 17: a separate stream
    noisy = trial.split.y_test.to_numpy() + sd * draws
    return replace(trial, measures=_uncertainty.measures(trial.learner, trial.split, noisy, sd))


def figure(results):
    names = results["dataset"].map(lambda name: synthetic.without(name, "hetero", "noise", "n"))
    return _uncertainty.spreads(results.assign(dataset=names), "Spread against noise, and coverage of the intervals")


def finish(results):
    """Means over seeds of the scores that answer the paper's question."""
    frame = reporting.by_model(reporting.latest(results.frame()))
    means = frame.groupby(["dataset", "method"])[SHOWN].mean().reset_index()
    reporting.show(results, "intervals", means, "uncertainty, means over seeds")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
