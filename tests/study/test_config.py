"""The flags that every experiment has, and the settings of LIFT that they are."""

from dataclasses import fields

from utils import study
from utils.estimators import LIFTRegressor
from utils.prompts import Template

# Settings that no flag of all experiments has; `--methods lift:NAME=VALUE` sets them.
BY_METHOD = {"digits", "max_new_tokens", "validation_fraction"}
OTHER_FLAGS = {"learning_rate": "learning_rates", "random_state": "seeds"}


def test_a_setting_of_lift_has_a_flag_or_is_an_option_of_the_method():
    settings = {*LIFTRegressor().get_params(), *Template("regression").get_params()} - {"template", "names"}
    flags = {one.name for one in fields(study.Config)}
    assert {OTHER_FLAGS.get(name, name) for name in settings - BY_METHOD} <= flags
    case = study.Case("iris", f"lift:{','.join(f'{name}=3' for name in sorted(BY_METHOD))}", 0)
    learner = study.learner(case, study.Config(), "classification")
    given = {**learner.get_params(deep=False), **learner.template}
    assert {name: float(given[name]) for name in BY_METHOD} == dict.fromkeys(BY_METHOD, 3.0)


def test_flags_reach_lift():
    config = study.Config(
        wording="names", levels=50, adapter="lora", epochs=0, shots=4, learning_rates=(1e-3, 1e-4), chat=True, threads=2
    )
    given = config.lift("regression", 7).get_params(deep=False)
    assert given["template"] == {"wording": "names", "levels": 50}
    wanted = {"adapter": "lora", "epochs": 0, "shots": 4, "learning_rate": (1e-3, 1e-4), "chat": True, "threads": 2}
    assert {name: given[name] for name in wanted} == wanted
    assert given["random_state"] == 7
    assert given["decoding"] is None, "what no flag says follows the recipe"


def test_a_setting_that_came_later_leaves_old_cases_alone_where_it_is_off():
    plain, tuned, chat = LIFTRegressor(), LIFTRegressor(tuned_layers=1), LIFTRegressor(chat=True)
    assert not {"tuned_layers", "chat"} & set(plain.describe())
    assert (tuned.describe()["tuned_layers"], chat.describe()["chat"]) == (1, True)
