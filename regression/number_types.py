"""Number types: do whole or real inputs, their range and the digits in the text matter? (paper, appendix)

python -m regression.number_types                                            # lift-tiny on a CPU, minutes
python -m regression.number_types --datasets cosine --integers 1 --ranges lo=-150,hi=150 lo=0,hi=300
python -m regression.number_types --methods lift:numbers=significant,digits=2,decoding=greedy lift:levels=20
"""

from dataclasses import dataclass, replace

from utils import metrics, plots, study


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear", "cosine")  # functions, with options: data/README.md
    methods: tuple[str, ...] = ("mean", "knn", "gp", "xgboost", "lift", "lift:levels=20")  # lift may have options
    seeds: tuple[int, ...] = (0,)  # one draw of the data and one fine-tune each
    integers: tuple[int, ...] = (0, 1)  # 0: real inputs; 1: whole inputs, and whole targets in training and validation
    ranges: tuple[str, ...] = (
        "lo=-10,hi=10",
        "lo=-150,hi=150",
    )  # of inputs; the paper also has lo=0,hi=10 and lo=0,hi=300


def cases(config):
    options = config.ranges, [f"integer={integer}" for integer in config.integers]
    return study.grid(config, study.functions(config, *options))


def build(case, config):
    trial = study.trial(case, config, "regression")

    def floor(answers):
        """Of the fitted template; classical learners write no text."""
        if not case.is_lift:
            return 0.0
        return metrics.writing_error(trial.learner.template_, trial.split.y_test)

    return replace(trial, measures={"floor": floor})


def figure(results):
    return plots.scores(results, "Regression error by type of number", "RAE, unfiltered", log=True, floor="floor")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
