"""The flags that every experiment has, and the settings of LIFT that they are."""

from dataclasses import fields

from utils import study
from utils.estimators import LIFTRegressor
from utils.prompts import Template

OTHER_FLAGS = {"learning_rate": "learning_rates", "random_state": "seeds"}


def test_a_setting_of_lift_has_a_flag_or_is_an_option_of_the_method():
    settings = {*LIFTRegressor().get_params(), *Template("regression").get_params()} - {"template", "names"}
    flags = {one.name for one in fields(study.Config)}
    without = {name for name in settings if OTHER_FLAGS.get(name, name) not in flags}
    assert without >= {"digits", "max_new_tokens", "validation_fraction"}
    for name in without:
        learner = study.learner(study.Case("iris", f"lift:{name}=3", 0), study.Config(), "classification")
        assert float((learner.get_params(deep=False) | (learner.template or {}))[name]) == 3


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
