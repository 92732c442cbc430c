"""Every experiment from its command line to its figure, and what happens when a study is stopped, killed or misused."""

import importlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import cloudpickle
import pandas as pd
import pytest
from transformers import AutoModelForCausalLM, GPTJConfig

from benchmarks import manual
from classification import accuracy
from tests.conftest import ROOT
from tests.models.local.test_model import small_tokenizer
from tests.programs import finish, launch, run
from tests.test_layout import SCRIPTS
from utils import study
from utils.results import Results

QUICK = ["--limit", "20", "--epochs", "2"]
COARSE = {  # fewer points on the axes of experiments that take long
    "classification/accuracy": ["--datasets", "iris", "moons"],
    "classification/boundaries": ["--grid", "16"],
    "classification/image_noise": ["--epsilons", "0.1", "0.3"],
    "classification/in_context": ["--datasets", "iris", "moons:n=400"],
    "classification/teachers": ["--grid", "16", "--teachers", "logreg", "xgboost", "forest100"],
    "regression/accuracy": ["--datasets", "linear", "diabetes"],
    "regression/outliers": ["--shares", "0", "0.02"],
    "regression/surfaces": ["--points", "12", "--rows", "200"],
    "others/few_shot": ["--rows", "0", "4", "64"],
    "others/generation": ["--temperatures", "0.7", "1"],
    "others/pretraining_ablation": ["--gibberish-updates", "5"],
}
PLAIN = ["--datasets", "iris", "--methods", "majority", "tree"]


def held(dataset, method, folder):
    """A claim on a case of classification/accuracy with seed 0: no study in `folder` ends while it is held."""
    config = accuracy.Config(results_dir=folder)
    case = study.Case(dataset, method, 0)
    return Results(folder, "classification", "accuracy").claim(accuracy.build(case, config).key(0, {}))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_script_runs_end_to_end(path, tmp_path):
    name = f"{path.parent.name}/{path.stem}"
    flags = [*QUICK, *COARSE.get(name, []), "--results-dir", tmp_path, "--workers", 1]
    out, _ = run(name.replace("/", "."), *flags)
    csv = tmp_path / path.parent.name / f"{path.stem}.csv"
    frame = pd.read_csv(csv)
    assert len(frame) > 5
    assert (frame["method"] == "lift").any()
    assert frame["key"].is_unique
    assert "lift" in out
    for ending in ("_summary.csv", "_summary.md", ".png"):
        assert csv.with_name(path.stem + ending).stat().st_size > 100
    for table in manual.tables((path.parent / "README.md").read_text("utf-8")):
        if table.file.startswith(f"summaries/{path.stem}_"):  # what the manual shows can be made of these results
            assert table.markdown(pd.read_csv(csv.with_name(Path(table.file).name))).count("\n") > 1
    for key in frame["key"]:
        answers = pd.read_csv(csv.with_name(path.stem) / "answers" / f"{key}.csv.gz")
        assert answers["truth"].notna().sum() == frame.set_index("key").loc[key, "n_test"]  # queries have no truth


UNPACK = """
import pickle, sys
for build, cases, config in pickle.load(sys.stdin.buffer):
    print(*(build(case, config).key(case.seed, case.settings) for case in cases))
"""


def test_the_cases_of_every_script_can_be_sent_to_another_process(tmp_path):
    """As the pool and Ray send them: what a script defines goes along, and the key is the same there."""
    packed, keys = [], []
    for path in SCRIPTS:
        module = importlib.import_module(f"{path.parent.name}.{path.stem}")
        config = module.Config(limit=20, epochs=2, results_dir=tmp_path)
        of_lift = {case.is_lift: case for case in module.cases(config)}
        cases = list(of_lift.values())
        keys.append(" ".join(module.build(case, config).key(case.seed, case.settings) for case in cases))
        packed.append((module.build, cases, config))
        assert True in of_lift, path
        cloudpickle.register_pickle_by_value(module)  # a script that is run is __main__, which is not sent by name
    try:
        sent = cloudpickle.dumps(packed)
    finally:
        for path in SCRIPTS:
            cloudpickle.unregister_pickle_by_value(importlib.import_module(f"{path.parent.name}.{path.stem}"))
    unpack = [sys.executable, "-W", "error", "-c", UNPACK]
    done = subprocess.run(unpack, cwd=ROOT, input=sent, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().split("\n")[:-1] == keys


def test_the_same_command_again_does_nothing_and_another_seed_only_the_rest(tmp_path):
    flags = ["classification.accuracy", *PLAIN, "--results-dir", tmp_path, "--workers", 1]
    run(*flags)
    csv = tmp_path / "classification" / "accuracy.csv"
    first = csv.read_bytes()
    out, _ = run(*flags)
    assert csv.read_bytes() == first
    assert "2 of 2 cases are finished already" in out
    out, _ = run(*flags, "--seeds", 0, 1)
    assert csv.read_bytes().startswith(first)
    assert "2 of 4 cases are finished already" in out
    run(*flags, "--redo")
    assert len(pd.read_csv(csv)) == 4


def test_two_workers_give_the_numbers_of_one(tmp_path):
    frames = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        flags = [
            "--datasets",
            "iris",
            "moons:n=200",
            "--methods",
            "forest",
            "mlp",
            "lift",
            "--epochs",
            3,
            "--limit",
            60,
        ]
        run("classification.accuracy", *flags, "--workers", workers, "--results-dir", folder)
        frame = pd.read_csv(folder / "classification" / "accuracy.csv").sort_values("key")
        frames.append(frame.drop(columns=["seconds_fit", "seconds_predict", "finished_at"]).reset_index(drop=True))
    assert len(frames[0]) == 6
    pd.testing.assert_frame_equal(*frames)


@pytest.mark.parametrize("workers", [1, 2])
def test_kill_minus_nine_loses_nothing_that_was_finished(workers, tmp_path):
    csv = tmp_path / "classification" / "accuracy.csv"
    flags = ["--datasets", "iris", "wine", "moons", "--methods", "tree", "forest", "mlp", "--results-dir", tmp_path]
    with held("iris", "mlp", tmp_path):
        process = launch("classification.accuracy", *flags, "--workers", workers)
        while process.poll() is None and (not csv.exists() or csv.read_bytes().count(b"\n") < 3):
            time.sleep(0.01)
        process.kill()
        process.communicate(timeout=600)  # ends when the workers have ended too, for they hold its output
    before = pd.read_csv(csv)
    assert 2 <= len(before) < 9, "it waits for the case that is held"
    run("classification.accuracy", *flags, "--workers", 2)
    after = pd.read_csv(csv)
    assert len(after) == 9
    assert after["key"].is_unique
    pd.testing.assert_frame_equal(after.head(len(before)), before)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_says_what_is_kept_and_nothing_else(workers, tmp_path):
    """With two workers more cases wait than the pool's queue holds."""
    csv = tmp_path / "classification" / "accuracy.csv"
    flags = ["--datasets", "iris", "wine", "digits", "--methods", "tree", "lift", "--results-dir", tmp_path]
    flags += ["--seeds", *range(4), "--epochs", 200]
    with held("wine", "tree", tmp_path):
        process = launch("classification.accuracy", *flags, "--workers", workers)
        while process.poll() is None and not csv.exists():  # until a case has finished, with others under way
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = finish(process, code=130)
    assert "finished cases are kept" in err
    for told in ("Traceback", "Exception", "leaked", "Warning"):
        assert told not in err


def test_two_runs_of_one_study_at_once_share_the_work(tmp_path):
    flags = [
        "--datasets",
        "iris",
        "wine",
        "--methods",
        "tree",
        "mlp",
        "forest",
        "--results-dir",
        tmp_path,
        "--workers",
        1,
    ]
    both = [launch("classification.accuracy", *flags) for _ in range(2)]
    for process in both:
        finish(process)
    frame = pd.read_csv(tmp_path / "classification" / "accuracy.csv")
    assert len(frame) == 6
    assert frame["key"].is_unique


def test_a_messy_file_of_ones_own(tmp_path):
    quoted = '"a, b"'
    cells = ['"red, ""dark"""', '"two\nlines"', "😀", "###", "", '"x=1, y=2"']
    lines = [
        f"{i * 0.37 % 5:.3f},{cells[i % 6]},{'' if i % 7 == 0 else i % 4},{'gut@@@' if i % 2 else quoted}"
        for i in range(80)
    ]
    (tmp_path / "my.csv").write_text("\n".join(["size,text,code,label", *lines]) + "\n", "utf-8")
    flags = ["--datasets", "my.csv", "--target", "label", "--methods", "majority", "logreg", "lift", "--epochs", 2]
    flags += ["--workers", 1]
    run("classification.accuracy", *flags, "--results-dir", tmp_path / "r", folder=tmp_path)
    frame = pd.read_csv(tmp_path / "r" / "classification" / "accuracy.csv").set_index("method")
    assert frame.loc["lift", "n_invalid"] == 0
    key = frame.loc["lift", "key"]
    answers = pd.read_csv(tmp_path / "r" / "classification" / "accuracy" / "answers" / f"{key}.csv.gz")
    assert set(answers["parsed"]) <= {"gut@@@", "a, b"}


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


def table(columns: int, rows: int, label) -> str:
    head = ",".join([*(f"c{i}" for i in range(columns)), "label"])
    return (
        "\n".join([head, *(",".join([*(str(r % 7 + c) for c in range(columns)), str(label(r))]) for r in range(rows))])
        + "\n"
    )


BAD = {
    "unknown table": (["--datasets", "irish"], "no table 'irish'", "iris"),
    "unknown method": ([*PLAIN[:2], "--methods", "forrest"], "no method 'forrest'", "forest"),
    "unknown wording": ([*PLAIN[:2], "--methods", "lift", "--wording", "nice"], "nice", "compact"),
    "unknown categories": (
        [*PLAIN[:2], "--methods", "lift", "--categories", "letters"],
        "no categories 'letters'",
        "levels",
    ),
    "unknown adapter": ([*PLAIN[:2], "--methods", "lift", "--adapter", "loara"], "loara", "lora"),
    "unknown protocol": ([*PLAIN, "--protocol", "mine"], "mine", "independent"),
    "unknown group": ([*PLAIN, "--group", "garden"], "has no column 'garden'", "--group from"),
    "generated table in time": (["--datasets", "moons", "--time", "x1"], "drawn anew for each seed", "--time x1"),
    "no weight": ([*PLAIN[:2], "--methods", "lift", "--class-weight", "heavy"], "give balanced", "CLASS=WEIGHT"),
    "unknown class": ([*PLAIN[:2], "--methods", "lift", "--class-weight", "rose=2"], "'rose'", "setosa"),
    "no seeds": ([*PLAIN, "--seeds"], "--seeds has no value", ""),
    "no such model folder": ([*PLAIN[:2], "--methods", "lift", "--model", "./nowhere"], "nowhere", "lift-tiny"),
    "regression table": (["--datasets", "sklearn:diabetes", "--methods", "tree"], "regression", ""),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_flags_end_with_a_message_and_write_nothing(name, tmp_path):
    flags, *words = BAD[name]
    _, err = run("classification.accuracy", *flags, "--results-dir", tmp_path, code=2)
    assert all(word in err for word in words), err
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("*.csv"))


BAD_TABLES = {
    "no target": (lambda r: "a", 40, ["--target", "price"], "price", "c0"),
    "empty": (lambda r: "a", 0, [], "no rows", ""),
    "one class": (lambda r: "a", 40, [], "in every row", "--target"),
    "a class per row": (lambda r: f"id{r}", 40, [], "--target", ""),
    "ten thousand classes": (
        lambda r: f"id{r % 10_000}",
        20_100,
        ["--methods", "lift"],
        "classes: scoring would need",
        "--decoding generate",
    ),
    "missing target": (lambda r: "" if r == 3 else "ab"[r % 2], 40, [], "target", "1"),
    "infinite target": (lambda r: "inf" if r == 3 else r * 1.5, 40, ["--task", "regression"], "label", ""),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_tables_that_cannot_be_learnt_from_are_refused(name, tmp_path):
    label, rows, flags, *words = BAD_TABLES[name]
    path = write(tmp_path, "my.csv", table(3, rows, label))
    area = "regression" if "regression" in flags else "classification"
    _, err = run(f"{area}.accuracy", "--datasets", path, *flags, "--results-dir", tmp_path / "r", code=2)
    assert err.startswith("error: ")
    assert all(word in err for word in words), err
    assert not (tmp_path / "r").exists()


def test_a_prompt_longer_than_the_context_is_a_shown_cell_and_the_baselines_run(tmp_path):
    path = write(tmp_path, "wide.csv", table(300, 60, lambda r: "ab"[r % 2]))
    flags = ["--datasets", path, "--results-dir", tmp_path / "r", "--epochs", 1, "--workers", 1]
    wordy = "".join(f"the value that was measured in column {{c{i}}} " for i in range(300)).replace("{", "is {")
    out, _ = run("classification.accuracy", *flags, "--methods", "majority", "lift", "--wording", wordy, code=1)
    assert "a row of 300 columns takes" in out
    assert "--wording compact" in out
    csv = tmp_path / "r" / "classification" / "accuracy.csv"
    assert pd.read_csv(csv)["method"].tolist() == ["majority"]
    run("classification.accuracy", *flags, "--methods", "lift")  # the compact wording has room for the same columns
    assert pd.read_csv(csv)["method"].tolist() == ["majority", "lift"]


@pytest.fixture
def gptj(tmp_path):
    """A tiny random GPT-J in a folder, as a user would have one."""
    tokenizer = small_tokenizer("gptj")
    config = GPTJConfig(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=4, n_positions=256, rotary_dim=4)
    network = AutoModelForCausalLM.from_config(config)
    network.save_pretrained(tmp_path / "gptj")
    tokenizer.save_pretrained(tmp_path / "gptj")
    return tmp_path / "gptj"


def test_gpt_j_with_lora_in_the_papers_wording(gptj, tmp_path):
    flags = ["--datasets", "iris", "--methods", "lift", "--model", gptj, "--adapter", "lora", "--adapter-rank", 4]
    flags += ["--recipe", "paper", "--workers", 1]
    run("classification.accuracy", *flags, *QUICK, "--results-dir", tmp_path / "r")
    frame = pd.read_csv(tmp_path / "r" / "classification" / "accuracy.csv")
    assert frame.loc[0, "options"] == "adapter=lora adapter_rank=4 epochs=2 recipe=paper"
    assert frame.loc[0, "n_invalid"] == 0
    run("classification.accuracy", *flags, *QUICK, "--decoding", "generate", "--results-dir", tmp_path / "r")
    frame = pd.read_csv(tmp_path / "r" / "classification" / "accuracy.csv")
    assert frame.loc[1, "n_invalid"] > 0, "two epochs teach a random model no format, and that is counted"


def test_a_model_folder_without_a_tokenizer_is_refused(gptj, tmp_path):
    (gptj / "tokenizer.json").unlink()
    flags = [*PLAIN[:2], "--methods", "lift", "--model", gptj, "--results-dir", tmp_path / "r"]
    _, err = run("classification.accuracy", *flags, code=2)
    assert "has no tokenizer" in err
    assert "save_pretrained" in err


def test_constant_and_missing_columns_are_no_obstacle(tmp_path):
    rows = "\n".join(f"1,,{r % 5},{'ab'[r % 2]}" for r in range(60))
    path = write(tmp_path, "my.csv", f"same,empty,code,label\n{rows}\n")
    flags = ["--datasets", path, "--methods", "logreg", "knn", "forest", "lift", "--epochs", 1]
    flags += ["--workers", 1]
    run("classification.accuracy", *flags, "--results-dir", tmp_path / "r")
    assert len(pd.read_csv(tmp_path / "r" / "classification" / "accuracy.csv")) == 4
