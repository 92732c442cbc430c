"""Class weights repeat the rows of their class: what is trained on, what is refused, and where it is written down."""

import numpy as np
import pandas as pd
import pytest

from tests.doubles import NearestRow
from utils import study
from utils.errors import BadTable, UserError
from utils.estimators import LIFTClassifier, inputs

X = pd.DataFrame({"x": np.arange(20.0)})
Y = np.array(["rare"] * 4 + ["usual"] * 16)
EXACT = {"wording": "compact", "numbers": "significant", "digits": 6}


def counts(**parameters):
    """How often each label is trained on."""
    seen = []

    class Seen(LIFTClassifier):
        def tune(self, setup, X, y, *args, **kwargs):
            seen.append(pd.Series(y).value_counts().to_dict())
            return super().tune(setup, X, y, *args, **kwargs)

    weights = parameters.pop("sample_weight", None)
    Seen(model=NearestRow(), template=EXACT, epochs=1, validation_fraction=0.0, **parameters).fit(
        X, Y, sample_weight=weights
    )
    return seen[-1]


@pytest.mark.filterwarnings("ignore::utils.estimators.base.CollisionWarning")
def test_weights_repeat_the_rows_of_their_class():
    assert counts() == {"usual": 16, "rare": 4}
    assert counts(class_weight="balanced") == {"usual": 16, "rare": 16}
    assert counts(class_weight={"rare": 3}) == {"usual": 16, "rare": 12}
    assert counts(class_weight={"rare": 3}, sample_weight=[2] * 4 + [1] * 16) == {"usual": 16, "rare": 24}
    assert counts(class_weight={"rare": 1e-4, "usual": 1e3})["rare"] == 1  # it stays a class


def test_texts_of_digits_are_texts():
    labels = np.array(["1", "01", "1", "1"], dtype=object)
    assert inputs.class_weights({"01": 3}, labels).tolist() == [1, 3, 1, 1]
    np.testing.assert_allclose(inputs.class_weights("balanced", labels), [2 / 3, 2, 2 / 3, 2 / 3])


def test_weights_are_those_of_scikit_learn():
    np.testing.assert_allclose(np.unique(inputs.class_weights("balanced", Y)), [20 / 32, 20 / 8])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("heavy", "no class_weight 'heavy'; have balanced"),
        ({"rear": 2}, "class_weight names 'rear', which no training row has; have rare, usual"),
        ({"rare": 0}, "finite numbers above 0"),
        ({"rare": float("inf")}, "finite numbers above 0"),
    ],
)
def test_weights_that_are_none(weight, message):
    with pytest.raises(BadTable, match=message):
        LIFTClassifier(model=NearestRow(), class_weight=weight).fit(X, Y)


def test_the_flag_reaches_settings_key_and_results():
    plain = study.Config().lift("classification", 0)
    assert "class_weight" not in plain.describe()  # cases of earlier versions keep their keys
    balanced = study.Config(class_weight=("balanced",)).lift("classification", 0)
    assert (balanced.class_weight, balanced.options()) == ("balanced", "class_weight=balanced")
    assert balanced.describe()["class_weight"] == "balanced"
    weighted = study.Config(class_weight=("a=b=2", "c=1.5")).lift("classification", 0)
    assert weighted.class_weight == {"a=b": 2.0, "c": 1.5}
    case = study.Case("iris", "lift:class_weight=balanced", 0)
    assert study.learner(case, study.Config(), "classification").class_weight == "balanced"


def test_flags_that_are_no_weights():
    with pytest.raises(UserError, match="give balanced, or CLASS=WEIGHT, such as yes=5 no=1"):
        study.Config(class_weight=("yes",)).lift("classification", 0)
    with pytest.raises(UserError, match="--class-weight is only for classification; leave it out of regression"):
        study.Config(class_weight=("balanced",)).lift("regression", 0)
