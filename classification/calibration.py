"""Calibration: are probabilities, conformal sets and sampled answers calibrated? (paper §4.2, Fig. 36)

python -m classification.calibration                                                # lift-tiny on a CPU, minutes
python -m classification.calibration --datasets my.csv --target label --held 0.5    # a table of your own
python -m classification.calibration --samples 200 --methods lift                   # more sampled answers per row
"""

from dataclasses import dataclass, replace

from classification import _calibration, _conformal
from utils import plots, reporting, study

BEFORE_AFTER = {
    "calibration error": ("ece", "ece_scaled"),
    "log-loss (nats)": ("log_loss", "log_loss_scaled"),
    "Brier score": ("brier", "brier_scaled"),
}


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("circles:n=1000", "network:n=1000", "wine")  # data/README.md
    methods: tuple[str, ...] = ("logreg", "knn", "tree", "mlp", "forest", "xgboost", "lift")  # all with probabilities
    seeds: tuple[int, ...] = (0,)  # one split and one fine-tune each
    held: float = 0.5  # share of the validation rows kept from model selection, for calibration only; 0: all serve both
    samples: int = 50  # sampled answers of LIFT per test row, compared with its scores; 0 for none


def cases(config):
    return study.grid(config, "classification", held=config.held)


def build(case, config):
    trial = study.trial(case, config, "classification")
    trial.learner.check_uncertainty()
    split, X, y = _calibration.hold_back(trial.split, case.settings["held"], case.seed)
    scores = {}

    def measure(name):
        def value(answers):  # the learner is fitted by now; all scores are computed once
            if not scores:
                scores.update(_calibration.scores(answers, y))
                if case.is_lift and config.samples:
                    drawn = _calibration.sampled_frequencies(trial.learner, split.X_test, config.samples)
                    log_p, _ = _calibration.stated(answers.iloc[: len(drawn)])
                    scores.update(_calibration.sampling_scores(drawn, log_p, config.samples))
            return scores.get(name, float("nan"))

        return value

    return replace(trial, split=split, queries=X, measures={name: measure(name) for name in _calibration.score_names()})


def figure(results):
    return plots.changes(results, BEFORE_AFTER, "Before and after temperature scaling", ("unscaled", "scaled"))


def finish(results):
    """Reliability diagrams, and coverage and size of the conformal sets."""
    path = results.sibling("_reliability.png")
    plots.reliability(_calibration.pooled(results), "Reliability on test rows").savefig(path, dpi=150)
    frame = reporting.latest(results.frame())
    scores = {"coverage": "coverage (share of test rows)", "size": "mean set size (classes)"}
    sets, label = _conformal.by_coverage(frame), "nominal coverage"
    picture = plots.score_lines(sets, "asked", scores, "Conformal sets", label, ideal="coverage")
    picture.savefig(results.sibling("_sets.png"), dpi=150)
    print(f"pictures {path}\n         {results.sibling('_sets.png')}")
    sampled = reporting.by_model(frame.dropna(subset="sampled_distance")).rename(columns={"method": "learner"})
    drawn = sampled.groupby(["dataset", "learner"])[list(_calibration.SAMPLED)].mean().round(4)
    if len(drawn):
        print(f"\nLIFT's sampled answers compared with its scores\n\n{reporting.markdown_table(drawn.reset_index())}")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
