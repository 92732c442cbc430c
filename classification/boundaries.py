"""Decision boundaries: which regions does LIFT draw, and how rough are their borders? (paper §3.3, Fig. 3, appendix)

python -m classification.boundaries                                       # lift-tiny on a CPU, minutes
python -m classification.boundaries --datasets synthetic --grid 300       # the paper's sets of two features
python -m classification.boundaries --datasets network:epoch=490,flip=0.2 --methods knn tree mlp xgboost lift
"""

from dataclasses import dataclass, replace

from utils import plots, reporting, study
from utils.tables import grids


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("moons", "network:epoch=10", "network:epoch=80", "network:epoch=490")  # two features
    methods: tuple[str, ...] = ("logreg", "knn", "tree", "svm", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one draw of the rows and one fine-tune each; the pictures show the last seed
    grid: int = 64  # grid points per side; the paper has 300


def cases(config):
    return study.grid(config, "classification", grid=config.grid)


def build(case, config):
    trial = study.trial(case, config, "classification")
    grid = grids.over(trial.split.X_train, case.settings["grid"])

    def dimension(answers):
        labels = answers["parsed"].iloc[len(trial.split.y_test) :].fillna("")
        return grids.box_dimension(grids.boundary(grid.square(labels)))

    return replace(trial, queries=grid.frame(), measures={"box_dimension": dimension})


def figure(results):
    return plots.scores(results, "Accuracy on test rows", "accuracy (share of test rows)")


def finish(results):
    """The decision regions as pictures, from the answers of the last seed."""
    import pandas as pd

    frame = reporting.by_model(reporting.latest(results.frame()))
    frame = frame[frame["seed"] == frame["seed"].max()].drop_duplicates(["dataset", "method"], keep="last")
    pictures = []
    for row in frame.itertuples():
        split = study.load(row.dataset).split(row.seed, row.protocol)
        split = split.limit(row.limit) if row.limit else split
        answers = results.answers(row.key)
        grid = grids.over(split.X_train, row.grid)
        labels = answers["parsed"].iloc[-len(grid.frame()) :].fillna("unreadable").tolist()
        points = {"points": split.X_train.to_numpy(), "point_labels": split.y_train.tolist()}
        pictures.append({"dataset": row.dataset, "method": row.method, "grid": grid, "labels": labels, **points})
    path = results.sibling("_regions.png")
    plots.regions(pd.DataFrame(pictures), "Decision regions").savefig(path, dpi=150)
    print(f"regions  {path}")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
