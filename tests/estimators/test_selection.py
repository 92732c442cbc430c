"""Settings that a recipe proposes, and how the validation rows choose among them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from tests.doubles import NearestRow
from utils import estimators, models, tables
from utils.errors import BadModel, CannotDo, TooLong, UnknownName
from utils.estimators import LIFTClassifier, LIFTRegressor, recipes, selection
from utils.estimators.augmentation import TrainingTexts
from utils.study.cases import Trial

PLAIN = {"wording": "compact", "numbers": "scaled", "scale": "column", "shots": 0, "shot_choice": "random"}
COLUMN_OR_ROW = [{"scale": "column"}, {"scale": "row"}]


class Recorder(NearestRow):
    """Keeps the settings of all its fine-tunes, and answers after them as they say.

    A model of weight decay 0.5 is right from its second epoch on, one of 0.7 at once; all others answer "0".
    """

    def __init__(self, context_length=None):
        super().__init__(context_length=context_length)
        self.tunings = []

    def fine_tune(self, examples, validation=(), *, settings, seed, on_epoch=None):
        self.tunings.append(settings)
        tuned = super().fine_tune(examples, validation, settings=settings, seed=seed)
        right, wrong = tuned.examples, tuple((prompt, " 0") for prompt, _ in tuned.examples)
        for epoch in range(1, settings.epochs + 1):
            sure = settings.weight_decay == 0.7 or (settings.weight_decay == 0.5 and epoch > 1)
            tuned.examples = right if sure else wrong
            on_epoch(epoch, tuned, 0.0)
        return tuned


@pytest.fixture
def double(monkeypatch):
    """Lets a double stand in for the weights of every model, whose recipe stays."""

    def use(model):
        monkeypatch.setattr(models, "load", lambda name, **settings: model)
        return model

    return use


def shapes(n, seed):
    """Rows of four numbers at any height and of any size; the class is whether they rise or fall."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    line = np.where(y[:, None] == 1, np.arange(4), np.arange(4)[::-1])
    height, size = rng.uniform(-90, 90, (n, 1)), rng.uniform(0.5, 2, (n, 1))
    return pd.DataFrame(height + size * (line + rng.uniform(-0.3, 0.3, (n, 4))), columns=list("abcd")), y


def points(n=40, seed=0):
    """Two numbers, the class is the sign of the first one."""
    X = pd.DataFrame(np.random.default_rng(seed).uniform(-1, 1, (n, 2)), columns=["x1", "x2"])
    return X, (X["x1"] > 0).to_numpy().astype(int)


def changes(lift):
    return [{k: v for k, v in tried.items() if k != "validation_score"} for tried in lift.candidate_scores_]


@pytest.mark.filterwarnings("ignore::utils.estimators.base.CollisionWarning")
def test_the_real_model_finds_that_the_pattern_is_in_the_rows(folder):
    X, y = shapes(120, 0)
    validation, test = shapes(40, 1), shapes(100, 2)
    own = {"updates": 160, "learning_rate": 0.003, "max_epochs": 60, "levels": 100, "decoding": "score"}
    model = folder(classification={**own, "jitter": 0.01}, candidates=COLUMN_OR_ROW, candidate_share=0.4)
    lift = LIFTClassifier(model).fit(X, y, validation)
    assert lift.candidate_ == {"scale": "row"}
    assert lift.settings_["scale"] == lift.template_.scale == "row"
    assert changes(lift) == COLUMN_OR_ROW
    by_column, by_row = (tried["validation_score"] for tried in lift.candidate_scores_)
    assert by_row > by_column + 0.2
    assert lift.score(*test) > 0.9
    told = LIFTClassifier(model, template={"scale": "column"}, random_state=0).fit(X, y, validation)
    assert told.template_.scale == "column"
    assert (told.candidate_, told.candidate_scores_) == ({}, [])
    assert told.score(*test) < lift.score(*test) - 0.2


def test_a_candidate_gets_its_share_of_the_updates_and_the_best_one_all(folder, double):
    model = double(Recorder())
    X, y = points()
    # 32 rows in 2 batches: 200 updates are 100 epochs
    wanted = {
        "updates": 200,
        "max_epochs": 500,
        "batch_size": 16,
        "candidates": [{"weight_decay": w} for w in (1, 0.7)],
    }
    sections = {"classification": {"decoding": "score", "learning_rate": 0.1, "levels": 100}}
    lift = LIFTClassifier(folder(**wanted, **sections)).fit(X, y)
    assert [(how.weight_decay, how.epochs) for how in model.tunings] == [(1, 25), (0.7, 25), (0.7, 100)]
    assert lift.settings_["weight_decay"] == 0.7
    assert len(lift.history_) == 100
    per_epoch = sum(model.count_tokens([p + c for p, c in lift.model_.examples]))
    assert lift.n_tokens_trained_ == (25 + 25 + 100) * per_epoch
    model.tunings.clear()
    LIFTClassifier(folder(candidate_share=0.5)).fit(X, y)
    assert [how.epochs for how in model.tunings] == [50, 50, 100]
    model.tunings.clear()
    LIFTClassifier(folder(), epochs=3).fit(X, y)  # the epochs that a user says are not prolonged
    assert [how.epochs for how in model.tunings] == [2, 2, 3]
    model.tunings.clear()
    LIFTClassifier(folder(candidate_share=0.001)).fit(X, y)
    assert [how.epochs for how in model.tunings] == [1, 1, 100]
    model.tunings.clear()
    lift = LIFTClassifier(folder(candidate_share=1)).fit(X, y)  # a whole trial is not tuned a second time
    assert [(how.weight_decay, how.epochs) for how in model.tunings] == [(1, 100), (0.7, 100)]
    assert (lift.settings_["weight_decay"], len(lift.history_)) == (0.7, 100)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_winner_goes_on_from_its_trial_where_the_rate_is_constant(folder, schedule, monkeypatch):
    epochs = []
    texts = TrainingTexts.__call__
    monkeypatch.setattr(TrainingTexts, "__call__", lambda own, epoch: epochs.append(epoch) or texts(own, epoch))
    X, y = points(64)
    section = {"decoding": "score", "levels": 100, "updates": 20, "learning_rate": 2e-3, "schedule": schedule}
    model = folder(classification={**section, "ema": 0.5}, candidates=[{}, {"jitter": 0.05}], candidate_share=0.2)
    lift = LIFTClassifier(model, threads=1).fit(X, y, points(20, seed=1))
    per_epoch = 64 * 4  # x1, x2, the arrow and the class of each row
    if schedule == "constant":
        assert epochs == [1, 2, 1, 2, *range(3, 11)]
        assert lift.n_tokens_trained_ == (2 + 10) * per_epoch
    else:
        assert epochs == [1, 2, 1, 2, *range(1, 11)]
        assert lift.n_tokens_trained_ == (2 + 2 + 10) * per_epoch
    assert [row["epoch"] for row in lift.history_] == list(range(1, 11))
    best = max(lift.history_, key=lambda row: row["validation_score"])
    assert lift.best_epoch_ == best["epoch"]
    now = lift.validation_score(lift.model_, *points(20, seed=1))
    assert now == pytest.approx(best["validation_score"], abs=1e-9)


def test_of_a_trial_and_what_follows_the_better_is_kept_and_the_first_of_equals():
    begun = selection.Outcome("begun", 0.8, 2, 0.1, [{"epoch": 1}, {"epoch": 2}], 20)
    for score, kept in ((0.7, ("begun", 0.8, 2)), (0.8, ("begun", 0.8, 2)), (0.9, ("rest", 0.9, 3))):
        rest = selection.Outcome("rest", score, 1, 0.1, [{"epoch": 1}, {"epoch": 2}], 30)
        both = selection.joined(begun, rest, 2)
        assert (both.model, both.score, both.epoch) == kept
        assert (both.n_tokens, [row["epoch"] for row in both.history]) == (50, [1, 2, 3, 4])


def test_epochs_make_the_updates_that_the_settings_name():
    settings = {"epochs": 10, "updates": 300, "batch_size": 32, "min_epochs": 6, "max_epochs": 100}
    for n_rows, epochs in ((113, 75), (96, 100), (33, 100), (1000, 10), (5000, 6)):  # in 4, 3, 2, 32, 157 batches
        assert recipes.tuning(settings, n_rows).epochs == epochs


def test_the_best_epoch_of_the_trial_counts_and_the_first_of_equals_wins(folder, double):
    model = double(Recorder())
    X, y = points()
    candidates = [{"weight_decay": w} for w in (1, 0.5, 0.7)]
    lift = LIFTClassifier(folder(candidates=candidates), epochs=8).fit(X, y)
    scores = [tried["validation_score"] for tried in lift.candidate_scores_]
    assert scores[0] < scores[1] == scores[2]
    assert lift.candidate_ == {"weight_decay": 0.5}
    assert (lift.best_epoch_, model.tunings[-1].weight_decay) == (2, 0.5)


def test_what_the_user_says_is_never_changed_and_equal_candidates_are_one(folder, double):
    model = double(Recorder())
    X, y = points()
    name = folder(candidates=[{"jitter": 0.01}, {"jitter": 0.03}, {"jitter": 0.03, "scale": "column"}])
    assert len(LIFTClassifier(name, epochs=1).fit(X, y).candidate_scores_) == 2
    lift = LIFTClassifier(name, epochs=1, jitter=0.2).fit(X, y)
    assert (lift.candidate_scores_, lift.candidate_, lift.settings_["jitter"]) == ([], {}, 0.2)
    name = folder(candidates=[{"learning_rate": 0.5, "jitter": 0.0}, {"learning_rate": 0.6, "jitter": 0.03}])
    lift = LIFTClassifier(name, epochs=1, learning_rate=0.7).fit(X, y)
    assert changes(lift) == [{"jitter": 0.0}, {"jitter": 0.03}]
    assert model.tunings[-1].learning_rate == 0.7
    fixed = recipes.fixed("names", {"epochs": 3, "shots": None, "jitter": 0.0})
    assert fixed == {"wording", "epochs", "jitter", *recipes.LENGTH}
    assert recipes.fixed(LIFTClassifier().unfitted_template(), {}) == set(recipes.TEMPLATE)
    assert recipes.fixed({"levels": 9}, {}) == {"levels"}


@pytest.mark.parametrize(
    ("columns", "left"),
    [
        ({"a": [1.0, 2], "b": [1.0, 2], "c": [1.0, 2]}, ["row", "table", "quantile", "column"]),
        ({"a": [1.0, 2], "b": [1.0, 2], "c": [0.0, 1000]}, ["quantile", "column"]),
        ({"a": [1.0, 2], "b": [1.0, 2]}, ["quantile", "column"]),
        ({"a": [1.0, 2], "b": [1.0, 2], "c": [1.0, 2], "d": ["u", "v"]}, ["quantile", "column"]),
        ({"a": ["u", "v"]}, ["column"]),
    ],
)
def test_candidates_that_cannot_apply_to_a_table_are_left_out(columns, left):
    proposed = [{"scale": scale} for scale in ("row", "table", "quantile", "column")]
    suited = selection.candidates({"candidates": proposed}, set(), pd.DataFrame(columns), np.array(["a", "b"]))
    assert [one["scale"] for one in suited] == left


def test_a_candidate_says_which_sizes_of_tables_it_is_for():
    X, y = pd.DataFrame({"a": range(12), "b": range(12)}), np.repeat(["u", "v", "w"], 4)
    conditions = [
        {"max_rows_per_class": 4},
        {"max_rows_per_class": 3},
        {"max_rows": 11},
        {"max_rows": 12},
        {"max_columns": 1},
        {"min_columns": 2, "min_rows_per_class": 4},
        {"min_columns": 3},
        {"min_rows_per_class": 5},
    ]
    proposed = [{"if": condition, "jitter": 0.1 * i} for i, condition in enumerate([*conditions, {}])]
    suited = selection.candidates({"candidates": proposed}, set(), X, y)
    assert suited == [{"jitter": 0.1 * i} for i in (0, 3, 5, 8)]
    with pytest.raises(BadModel, match="max_width; it may name max_rows"):
        selection.candidates({"candidates": [{"if": {"max_width": 3}}]}, set(), X, y)


def test_candidates_too_long_for_the_context_are_left_out_before_any_training(folder, double):
    X, y = points()
    model = double(Recorder(context_length=8))  # words, as the double counts: 3 in a compact row
    long = "of the first {x1} and of the second {x2} what is known?"
    name = folder(candidates=[{"wording": long}, {"jitter": 0.0}, {"jitter": 0.03}])
    lift = LIFTClassifier(name, epochs=1).fit(X, y)
    assert changes(lift) == [{"jitter": 0.0}, {"jitter": 0.03}]
    assert len(model.tunings) == 2, "a trial of one epoch is all of it"
    lift = LIFTClassifier(folder(candidates=[{"wording": long}]), epochs=1).fit(X, y)
    assert (lift.candidate_, lift.settings_["wording"]) == ({}, "compact")
    name = folder(wording=long, candidates=[{"jitter": 0.5}, {"wording": "compact"}])
    before = len(model.tunings)
    LIFTClassifier(name, epochs=1).check(X, y, X)
    assert len(model.tunings) == before
    assert LIFTClassifier(name, epochs=1).fit(X, y).candidate_ == {"wording": "compact"}
    with pytest.raises(TooLong):
        LIFTClassifier(folder(candidates=[{"jitter": 0.5}]), epochs=1).check(X, y, X)


def test_candidates_of_a_decoding_that_cannot_be_are_left_out(folder, double):
    double(NearestRow())
    x = np.linspace(0, 1, 30)[:, None]
    name = folder(candidates=[{"numbers": "paper"}, {"decoding": "greedy"}])  # an exact median needs levels
    lift = LIFTRegressor(name, epochs=1).fit(x, x.ravel())
    assert lift.candidate_ == {"decoding": "greedy"}
    assert lift.settings_["decoding"] == "greedy"
    np.testing.assert_allclose(lift.predict(x), x.ravel(), atol=0.1)


def test_without_validation_rows_or_tuning_the_first_one_is_taken(folder, double):
    model = double(Recorder())
    X, y = points()
    name = folder(candidates=[{"scale": "row"}, {"jitter": 0.01}, {"jitter": 0.03}])
    for options in ({"epochs": 2, "validation_fraction": 0.0}, {"epochs": 0}):
        lift = LIFTClassifier(name, **options).fit(X, y)
        assert (lift.candidate_, lift.candidate_scores_) == ({"jitter": 0.01}, [])
    assert len(model.tunings) == 1


def test_candidates_of_a_task_stand_over_those_of_the_recipe(folder):
    name = folder(candidates=[{"jitter": 0.5}], regression={"decoding": "median", "candidates": [{"jitter": 0.1}]})
    assert LIFTClassifier(name).settings()["candidates"] == [{"jitter": 0.5}]
    assert LIFTRegressor(name).settings()["candidates"] == [{"jitter": 0.1}]


@pytest.mark.parametrize(
    ("candidate", "error", "words"),
    [
        ({"scal": "row"}, BadModel, "scal; they may change wording"),
        ({"adapter": "lora"}, BadModel, "adapter"),
        ({"scale": "rows"}, UnknownName, "no scale 'rows'"),
        ({"shot_choice": "closest"}, UnknownName, "no shot choice"),
        ({"decoding": "guess"}, UnknownName, "no decoding 'guess'"),
    ],
)
def test_candidates_that_do_not_exist_are_refused(folder, double, candidate, error, words):
    double(NearestRow())
    X, y = points()
    with pytest.raises(error, match=words):
        LIFTClassifier(folder(candidates=[{"jitter": 0.0}, candidate]), epochs=1).check(X, y, X)


def test_candidates_are_part_of_what_a_case_is(folder):
    plain = LIFTClassifier(folder()).describe()
    one = LIFTClassifier(folder(candidates=COLUMN_OR_ROW)).describe()
    other = LIFTClassifier(folder(candidates=COLUMN_OR_ROW[::-1])).describe()
    assert "candidates" not in plain
    assert one["candidates"] == COLUMN_OR_ROW
    for description in (plain, one, other):
        description.pop("weights")
    assert len({json.dumps(description, sort_keys=True) for description in (plain, one, other)}) == 3


def test_settings_that_do_nothing_do_not_tell_two_candidates_apart():
    def setup(**settings):
        return selection.Setup(None, {}, PLAIN | settings, None, None)

    assert setup(numbers="paper", scale="row").same_as(setup(numbers="paper"))
    assert setup(shot_choice="nearest").same_as(setup())
    assert setup(shots=3, shot_choice="nearest").same_as(setup(shots=3)) is False
    assert setup(scale="row").same_as(setup()) is False


def test_the_result_row_says_what_was_chosen_and_a_saved_estimator_knows_it(folder, double, tmp_path):
    double(Recorder())
    table = tables.load("iris", task="classification")
    candidates = [{"weight_decay": 1}, {"weight_decay": 0.7, "shots": 0}]
    lift = LIFTClassifier(folder(candidates=candidates), epochs=4)
    facts, _ = Trial(table.name, table.source, table.split(0), lift).run()
    rate = lift.best_learning_rate_
    assert json.loads(facts["chosen"]) == {"weight_decay": 0.7, "shots": 0, "epoch": 1, "learning_rate": rate}
    assert facts["tokens_train"] == lift.n_tokens_trained_ > 0
    lift.save(tmp_path / "saved")
    assert estimators.load(tmp_path / "saved").settings_ == lift.settings_


# ---- a candidate that is another model -------------------------------------------------------------------------------


class Asked(NearestRow):
    """Is never tuned; remembers what it was asked, and finds every answer as likely as any other."""

    def __init__(self):
        super().__init__()
        self.prompts = []

    def fine_tune(self, *args, **settings):
        raise AssertionError("it is asked as it is")

    def log_likelihood(self, prompts, candidates):
        self.prompts += prompts
        return np.zeros((len(prompts), len(candidates)))


@pytest.fixture
def other(folder, tmp_path):
    """The folder of another model."""
    return str(shutil.copytree(folder(), tmp_path / "other"))


@pytest.fixture
def sister(folder, other, monkeypatch):
    """A recipe that leaves tables of at most 20 rows to another model; the recipe's folder, and the two models."""
    in_context = {"model": other, "epochs": 0, "shots": 50, "shot_choice": "nearest", "permutations": 2}
    name = folder(candidates=[{"if": {"max_rows": 20, "max_classes": 2}, "alone": True, **in_context}, {}])
    loaded = {name: Recorder(), other: Asked()}
    monkeypatch.setattr(models, "load", lambda name, **settings: loaded[name])
    return name, loaded[name], loaded[other], in_context


def test_the_smallest_tables_are_left_to_a_model_that_answers_untuned(sister):
    name, tuned, asked, in_context = sister
    X, y = points(20)
    lift = LIFTClassifier(name).fit(X, y)
    assert lift.candidate_ == in_context
    assert lift.model_ is asked
    assert (lift.best_epoch_, lift.n_tokens_trained_, lift.history_, tuned.tunings) == (0, 0, [], [])
    lift.predict(points(3, 1)[0])
    assert len(asked.prompts) == 6, "two orders of the columns"
    assert all(prompt.count("=>") == 20 for prompt in asked.prompts), "no row is held out, and one more is a query"


def test_rows_in_a_prompt_have_their_columns_in_the_order_of_the_query(sister):
    name, _, asked, _ = sister
    X, y = points(20)
    X = X.assign(x3=X["x1"] ** 2, x4=X["x2"] ** 2)
    model = LIFTClassifier(name).fit(X, y)
    model.predict(X.iloc[:1])
    first, second = (np.array([line.split()[:4] for line in p.splitlines()]) for p in asked.prompts)
    order = model.reader_.templates[1].slots_
    np.testing.assert_array_equal(second, first[:, [slot.columns[0] for slot in order]])
    assert (first != second).any()


@pytest.mark.parametrize(
    "fixed", [{"epochs": 2}, {"adapter": "full"}, {"template": {"levels": 50}}, {"jitter": 0.0}, {"decoding": "score"}]
)
def test_whoever_fixes_anything_gets_the_model_that_was_named(sister, fixed):
    name, tuned, asked, _ = sister
    lift = LIFTClassifier(name, **fixed).fit(*points(20))
    assert lift.candidate_ == {}
    assert tuned.tunings
    assert not asked.prompts


def test_larger_tables_and_more_classes_are_tuned(sister):
    name, _, asked, _ = sister
    X, _ = points(20)
    for rows in (points(21), (X, np.arange(20) % 3)):
        assert LIFTClassifier(name).fit(*rows).candidate_ == {}
    assert not asked.prompts


def test_it_competes_where_it_is_not_alone(folder, other, monkeypatch):
    name = folder(candidates=[{"model": other, "epochs": 0, "shots": 3}, {"weight_decay": 0.7}])
    loaded = {name: Recorder(), other: Asked()}
    monkeypatch.setattr(models, "load", lambda name, **settings: loaded[name])
    lift = LIFTClassifier(name).fit(*points(40))
    assert lift.candidate_ == {"weight_decay": 0.7}
    assert [tried.get("model") for tried in lift.candidate_scores_] == [other, None]
    assert lift.candidate_scores_[0]["validation_score"] < lift.candidate_scores_[1]["validation_score"]


def test_its_weights_are_part_of_what_a_case_is(sister):
    name, _, _, in_context = sister
    assert LIFTClassifier(name).describe()["candidate_weights"] == {
        in_context["model"]: models.fingerprint(in_context["model"])
    }


def test_a_model_for_one_task_refuses_the_other(folder):
    name = folder(tasks=["classification"])
    with pytest.raises(CannotDo, match="supports only classification; use --model lift-tiny"):
        LIFTRegressor(name).fit(*points(20))
