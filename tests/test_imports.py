"""What is imported when: nothing heavy before the flags are read, and of the vendors only what a run uses."""

import subprocess
import sys

from tests.conftest import ROOT
from tests.test_layout import SCRIPTS

COMMANDS = [f"{path.parent.name}.{path.stem}" for path in SCRIPTS]
COMMANDS += [f"utils.{name}" for name in ("doctor", "overview", "prefetch", "verify")]
MODELS = {"torch", "transformers", "tokenizers", "peft", "accelerate", "openai"}
BOOSTING = {"xgboost", "lightgbm", "catboost"}
LEARNERS = {"sklearn.ensemble", "sklearn.neural_network", "sklearn.gaussian_process"}
TABLES = {"pandas", "pyarrow", "scipy", "sklearn", "joblib"}

REPORT = "import atexit, sys; atexit.register(lambda: print('\\nmodules', *sys.modules));"
AS_A_PROGRAM = (
    "import runpy; sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
HELP_OF_EACH = """
import runpy
for command in (commands := sys.argv[1:]):
    before, sys.argv = {*sys.modules}, [command, "--help"]
    try:
        runpy.run_module(command, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        print(f"\\n{command} ended with {end.code} and imported", *({*sys.modules} - before))
"""


def fresh(code, *arguments):
    """Exit code and output of a new interpreter that runs the code, and the names of what it has imported by then."""
    command = [sys.executable, "-W", "error", "-c", REPORT + code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    text, _, modules = done.stdout.rpartition("\nmodules ")
    return done.returncode, text + done.stderr, set(modules.split())


def test_help_waits_for_nothing_heavy():
    code, text, _ = fresh(HELP_OF_EACH, *COMMANDS)
    assert code == 0, text
    for command in COMMANDS:
        _, ended, rest = text.partition(f"\n{command} ended with 0 and imported")
        assert ended, f"{command}: {text}"
        assert not {*rest.partition("\n")[0].split()} & (MODELS | BOOSTING | TABLES | {"matplotlib"}), command


def test_nor_does_a_wrong_flag_whose_neighbour_is_named():
    code, text, modules = fresh(AS_A_PROGRAM, "classification.accuracy", "--modle", "x")
    assert code == 2
    assert "--model" in text.replace("--modle", "")
    assert not modules & (MODELS | BOOSTING | TABLES | {"matplotlib"})


def test_an_estimator_is_made_without_a_model():
    code, text, modules = fresh("from utils.estimators import LIFTClassifier; LIFTClassifier()")
    assert code == 0, text
    assert not modules & (MODELS | BOOSTING | LEARNERS | {"matplotlib", "sklearn.neighbors", "sklearn.model_selection"})


def test_a_model_that_is_tuned_in_full_needs_no_peft():
    rows = "[[0.1], [0.2], [0.3], [0.4]] * 3, ['a', 'b'] * 6"
    code, text, modules = fresh(f"from utils.estimators import LIFTClassifier; LIFTClassifier(epochs=1).fit({rows})")
    assert code == 0, text
    assert "torch" in modules
    assert not modules & (BOOSTING | LEARNERS | {"peft", "openai", "matplotlib"})


def test_a_case_of_a_classical_learner_needs_no_torch():
    case = "study.trial(study.Case('iris', 'tree', 0), study.Config(), 'classification').run()"
    code, text, modules = fresh(f"from utils import study; {case}")
    assert code == 0, text
    assert "sklearn.tree" in modules
    assert not modules & (MODELS | BOOSTING | {"matplotlib", "sklearn.ensemble", "sklearn.neural_network"})


def test_a_module_is_loaded_on_use_and_is_the_one_that_an_import_gives():
    code, text, _ = fresh(
        "from utils import storage; assert 'complete_lines' not in object.__getattribute__(storage, '__dict__');"
        "import utils.storage; assert utils.storage is storage is sys.modules['utils.storage'];"
        "from utils.storage import complete_lines; assert storage.complete_lines is complete_lines"
    )
    assert code == 0, text


def test_a_module_that_does_not_exist_is_refused_at_once():
    code, text, _ = fresh("from utils import no_such")
    assert code == 1
    assert "cannot import name 'no_such' from 'utils'" in text
