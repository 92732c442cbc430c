"""Learning curves: when should tuning stop, and why not at the lowest token loss? (paper, appendix)

python -m regression.learning_curves                                         # lift-tiny on a CPU, minutes
python -m regression.learning_curves --datasets synthetic diabetes --epochs 200 --rates 1e-3
python -m regression.learning_curves --model EleutherAI/gpt-j-6b --adapter lora --epochs 50 --rates 1e-4 1e-5
"""

from dataclasses import dataclass, replace

from regression import _learning_curves
from utils import reporting, study
from utils.errors import UserError


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("linear", "cosine", "piecewise")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("lift",)  # no other learner has epochs
    seeds: tuple[int, ...] = (0,)  # one draw of the data and one fine-tune each
    epochs: int | None = 100  # passes over the training rows; the learning rate decays until the last
    rates: tuple[float, ...] = (2e-3,)  # learning rates, one fine-tune each; the paper has 1e-4 and 1e-5
    jitters: tuple[str, ...] = ("recipe", "none")  # noise on training rows, drawn anew each epoch; none as in the paper
    at: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100)  # epochs whose scores become columns; all epochs are evaluated


def cases(config):
    if set(config.methods) != {"lift"}:
        raise UserError("learning_curves follows LIFT from epoch to epoch; leave --methods out")
    if not set(config.jitters) <= {"recipe", "none"}:
        raise UserError(f"--jitters takes recipe and none, not {' '.join(config.jitters)}")
    return study.grid(config, "regression", rate=config.rates, jitter=config.jitters)


def build(case, config):
    jitter = 0.0 if case.settings["jitter"] == "none" else config.jitter
    varied = replace(config, learning_rates=(case.settings["rate"],), jitter=jitter)
    trial = study.trial(case, varied, "regression")
    learner = _learning_curves.watched(trial.learner, trial.split)
    return replace(trial, learner=learner, measures=_learning_curves.measures(learner, config.at))


def figure(results):
    title = "Loss and error by epoch, and the epoch chosen on validation rows"
    return _learning_curves.epoch_panels(_learning_curves.curves(results), results, title)


def finish(results):
    """The curves, and the test error of each way of choosing an epoch."""
    frame = reporting.latest(results.frame())
    results.write_table("by_epoch", _learning_curves.curves(frame))
    columns = ["epoch_by_loss", "epoch_by_rae", "rae_test_by_loss", "rae_test_by_rae", "recited_truth"]
    means = frame.groupby(_learning_curves.KEYS)[columns].mean().round(3).reset_index()
    print(f"\nepoch chosen on validation rows, and its test RAE\n\n{reporting.markdown_table(means)}")
    print(f"\ncurves   {results.sibling('_by_epoch.csv')}")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
