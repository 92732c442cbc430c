"""Teachers: which classical learner does LIFT resemble, and whose labels can it reproduce? (paper appendix)

python -m classification.teachers                                                   # lift-tiny on a CPU, minutes
python -m classification.teachers --teachers knn1 tree3 tree5 --datasets circles    # other teachers and data
python -m classification.teachers --methods knn tree svm forest lift --grid 100     # other students, a finer grid
"""

from dataclasses import dataclass, replace

from classification import _teachers
from utils import plots, reporting, study
from utils.tables import grids


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("moons:n=300,noise=0.3",)  # two features; noisy, so that the teachers differ
    methods: tuple[str, ...] = ("logreg", "knn", "tree", "mlp", "svm", "forest", "xgboost", "lift")  # the students
    seeds: tuple[int, ...] = (0,)  # one draw of the rows, one teacher and one fine-tune each
    teachers: tuple[str, ...] = ("svm_rbf", "logreg", "knn5", "tree5", "mlp100", "xgboost", "forest100")
    grid: int = 40  # points per side of the grid on which student and teacher are compared


def cases(config):
    return study.grid(config, "classification", teacher=config.teachers, grid=config.grid)


def build(case, config):
    trial = study.trial(case, config, "classification")
    grid = grids.over(trial.split.X_train, case.settings["grid"]).frame()
    teacher = _teachers.fit(trial.split, case.settings["teacher"], case.seed)

    def compared(score):
        return lambda answers: score(answers["parsed"].iloc[-len(grid) :], teacher.predict(grid))

    measures = {"grid_agreement": compared(_teachers.agreement), "grid_kappa": compared(_teachers.kappa)}
    return replace(trial, split=teacher.relabel(trial.split), queries=grid, measures=measures)


def kappas(results):
    """Mean kappa over data sets and seeds: teachers × students, in their listed order."""
    cells = reporting.by_model(results).pivot_table("grid_kappa", "teacher", "method")
    rows = [teacher for teacher in _teachers.TEACHERS if teacher in cells.index]
    return cells.loc[rows, sorted(cells.columns, key=reporting.rank)].rename_axis(index="teacher", columns="student")


def figure(results):
    return plots.heat_map(kappas(results), "How well each student reproduces each teacher", "Cohen's kappa on a grid")


def finish(results):
    """Which teacher LIFT reproduces best, and which students agree most with LIFT; for each of its models."""
    frame = reporting.by_model(reporting.latest(results.frame()))
    cells = kappas(frame)
    reporting.show(results, "kappa", cells.reset_index(), "kappa with the teacher, by student")
    own = [name for name in cells if name.partition(" ")[0] == "lift" and cells[name].notna().any()]
    for name in own:
        best, least = cells[name].idxmax(), cells[name].idxmin()
        print(f"\n{name.replace('lift', 'LIFT', 1)} reproduces {best} best, {least} least")
    if not own:
        return
    labels = [results.answers(row.key)["parsed"].iloc[-(row.grid**2) :] for row in frame.itertuples()]
    keys = ["dataset", "source", "protocol", "limit", "seed", "teacher", "grid", "method"]
    table = _teachers.alike_each(frame[keys].assign(labels=labels), own)
    reporting.show(results, "alike", table, "kappa between LIFT's answers and those of other students")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
