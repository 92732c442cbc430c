"""The benchmarks from their command line to README.md, and the arithmetic of ranks on tables written by hand."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from benchmarks import (
    learning_curves,
    number_start,
    quality,
    random_start,
    rate_by_width,
    readme,
    recipe_search,
    search_space,
)
from tests.conftest import ROOT
from tests.models.local.test_model import config_of, small_tokenizer
from utils import models, study
from utils.errors import CannotDo, MissingPackage, UnknownName, UserError
from utils.estimators import pretrained
from utils.models.local import initialization
from utils.reporting import ranking
from utils.tables import registry

SCRIPTS = ("quality", "learning_curves", "number_start", "recipe_search", "rate_by_width")
QUICK = ["--seeds", "0", "--epochs", "1", "--workers", "1"]


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a script as its command does, in this process, which has the heavy libraries already; gives its output."""

    def run_script(name, *flags):
        monkeypatch.setattr(sys, "argv", [name, *map(str, flags)])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / "benchmarks" / f"{name}.py"), run_name="__main__")
        assert end.value.code == 0
        return capsys.readouterr().out

    return run_script


def small_llama(folder):
    """A random Llama without a recipe of its own, in the folder, which is returned."""
    tokenizer = small_tokenizer("llama")
    AutoModelForCausalLM.from_config(config_of("llama", len(tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def means(cells, group="paper", score="accuracy", **columns):
    """Seed means from {table: {learner: score}}; ten seconds each, XGBoost five."""
    rows = [
        {"dataset": table, "learner": learner, "n": 3, "n_train": 100, "n_test": 20, score: value, "group": group}
        | {"seconds": 5.0 if learner == "xgboost" else 10.0, **columns}
        for table, learners in cells.items()
        for learner, value in learners.items()
    ]
    return pd.DataFrame(rows)


THREE = {
    "iris": {"tree": 0.9, "xgboost": 0.95, "lift": 0.95},
    "wine": {"tree": 0.8, "xgboost": 0.9, "lift": 0.7},
    "tae": {"tree": 0.6, "xgboost": 0.6, "lift": 0.6},
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_short_and_has_its_shell_command_and_its_place_in_the_manual(name):
    assert len((ROOT / "benchmarks" / f"{name}.py").read_text("utf-8").splitlines()) <= 80
    assert f"benchmarks.{name}" in (ROOT / "benchmarks" / f"{name}.sh").read_text("utf-8")
    assert f"## `{name}`" in (ROOT / "benchmarks" / "README.md").read_text("utf-8")


# ---- ranks and wins -----------------------------------------------------------------------------------------------


def test_ranks_and_wins_by_hand_with_ties():
    summary = ranking.summarise(means(THREE)).set_index("learner")
    assert summary.loc["xgboost", "mean_rank"] == pytest.approx((1.5 + 1 + 2) / 3)
    assert summary.loc["lift", "mean_rank"] == pytest.approx((1.5 + 3 + 2) / 3)
    assert summary.loc["tree", "mean_rank"] == pytest.approx((3 + 2 + 2) / 3)
    assert summary.loc[["xgboost", "lift", "tree"], "wins"].tolist() == pytest.approx([11 / 6, 5 / 6, 1 / 3])
    assert summary["wins"].sum() == pytest.approx(3)
    assert summary.loc["tree", "score"] == pytest.approx(2.3 / 3)
    assert (summary.loc["lift", "seconds"], summary.loc["lift", "times"]) == (10.0, 2.0)
    assert summary.loc[ranking.PAPER, "score"] == pytest.approx((0.97 + 0.9259 + 0.6559) / 3)
    assert summary.index[0] == "xgboost", "the best mean rank stands first"


def test_of_errors_the_smallest_wins():
    cells = {"servo": {"mean": 1.0, "lift": 0.3}, "my.csv": {"mean": 0.9, "lift": 0.9}}
    frame = means(cells, score="rae_mean_filled")
    summary = ranking.summarise(frame).set_index("learner")
    assert summary["mean_rank"].to_dict() == {"lift": 1.25, "mean": 1.75}
    assert summary["wins"].to_dict() == {"lift": 1.5, "mean": 0.5}
    assert summary["times"].isna().all(), "no XGBoost, no ratio"
    assert ranking.PAPER not in summary.index, "the paper has no number for my.csv"


def test_float_noise_is_a_tie():
    summary = ranking.summarise(means({"iris": {"tree": 0.1 + 0.2, "lift": 0.3}})).set_index("learner")
    assert summary["wins"].dropna().tolist() == [0.5, 0.5]


def test_a_table_that_one_learner_lacks_counts_for_none_and_is_named():
    frame = means({**THREE, "vehicle": {"tree": 0.1, "lift": 0.99}, "cmc": {**THREE["tae"], "lift": np.nan}})
    kept, reasons = ranking.complete(frame)
    assert sorted(kept["dataset"].unique()) == ["iris", "tae", "wine"]
    assert reasons == {"vehicle (paper)": "no result of xgboost", "cmc (paper)": "no result of lift"}
    text = ranking.markdown(frame)
    assert "vehicle (paper): no result of xgboost" in text
    assert "paper (3 tables): accuracy" in text
    assert "| lift | 0.750 |" in text


def test_tables_of_unlike_rows_or_seeds_are_not_compared():
    frame = means(THREE)
    frame.loc[frame.eval("dataset == 'wine' and learner == 'lift'"), "n_train"] = 50
    frame.loc[frame.eval("dataset == 'iris' and learner == 'tree'"), "n"] = 1
    kept, reasons = ranking.complete(frame)
    assert set(kept["dataset"]) == {"tae"}
    assert set(reasons.values()) == {"unlike numbers of seeds or rows"}


def test_groups_have_blocks_of_columns_and_the_sizes_are_stated():
    both = pd.concat([means(THREE), means({"zoo": THREE["wine"]}, group="other", n_train=2000)])
    lines = ranking.markdown(both).splitlines()
    assert lines[0].startswith("|  | paper (3 tables): accuracy | paper: mean rank | paper: wins | other (1 tables)")
    assert lines[2].startswith("| xgboost | 0.817 | 1.50 | 1.8 | 0.900 | 1.00 | 1.0 | 5 | 1 |")
    assert lines[5] == "| (paper: LIFT/GPT-3) | 0.851 | – | – | – | – | – | – | – |"
    assert "Training rows: paper 100 to 100, other 2,000 to 2,000." in lines[-1]


def test_no_table_at_all():
    frame = means({"iris": {"tree": 0.9}, "wine": {"lift": 0.9}})
    assert "no result of lift" in ranking.markdown(frame)
    assert len(ranking.complete(frame)[0]) == 0


# ---- critical differences -----------------------------------------------------------------------------------------


def clear_cut(n_tables, learners=("tree", "xgboost", "lift")):
    return means(
        {f"t{i}": {name: 0.5 + 0.1 * j + 0.001 * i for j, name in enumerate(learners)} for i in range(n_tables)}
    )


def test_a_critical_difference_figure():
    pytest.importorskip("autorank")
    figure = ranking.critical_difference(clear_cut(8))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"tree", "xgboost", "lift", "CD"} <= set(texts)


@pytest.mark.parametrize("frame", [clear_cut(4), clear_cut(9, ("tree", "lift")), clear_cut(0)], ids=len)
def test_too_few_tables_or_learners_are_a_reason_not_a_figure(frame):
    with pytest.raises(CannotDo, match="needs 5 tables and 3 learners"):
        ranking.critical_difference(frame)


def test_no_figure_where_the_difference_may_be_chance():
    pytest.importorskip("autorank")
    rng = np.random.default_rng(0)
    cells = {f"t{i}": dict(zip(("a", "b", "c"), rng.permutation([0.1, 0.2, 0.3]), strict=True)) for i in range(9)}
    frame = means(cells).replace({"learner": {"a": "tree", "b": "forest", "c": "lift"}})
    with pytest.raises(CannotDo, match="no more than by chance"):
        ranking.critical_difference(frame)


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "autorank", None)
    with pytest.raises(MissingPackage, match=r"pip install -r requirements-extras\.txt"):
        ranking.critical_difference(clear_cut(8))


# ---- what is run --------------------------------------------------------------------------------------------------


def test_the_groups_of_tables(lift_data):
    config = quality.Config()
    names = dict.fromkeys(case.dataset for case in quality.cases(config))
    kinds = pd.Series([registry.group(name) for name in names]).value_counts()
    assert kinds["paper"] == 14
    assert kinds["other"] > 20
    names = dict.fromkeys(case.dataset for case in quality.cases(quality.Config(task="regression")))
    kinds = pd.Series([registry.group(name) for name in names]).value_counts()
    assert (kinds["paper"], kinds["functions"]) == (4, 12)
    assert set(quality.methods(config)) >= {"majority", "logreg", "gbt", "xgboost", "lift-random", "lift"} - {"gbt"}
    assert not set(quality.methods(config)) & {"lightgbm", "catboost", "tabicl"}


def test_other_without_a_folder_says_what_to_type(monkeypatch):
    monkeypatch.delenv("LIFT_DATA", raising=False)
    with pytest.raises(UserError, match="export LIFT_DATA"):
        list(quality.cases(quality.Config(datasets=("other",))))
    with pytest.raises(UserError, match="functions has no table for classification"):
        list(quality.cases(quality.Config(datasets=("functions",))))


def test_the_papers_tables_are_whole_and_others_are_cut_alike_for_all():
    config = quality.Config(max_train=50)
    for dataset, n in (("iris", 96), ("moons", 50)):
        built = [quality.build(study.Case(dataset, method, 0), config) for method in ("tree", "lift", "lift-random")]
        assert {len(trial.split.y_train) for trial in built} == {n}
        assert len({trial.split.fingerprint() for trial in built}) == 1
    assert {len(built[0].split.y_validation), len(built[0].split.y_test)} >= {round(50 / 4)}


def test_the_random_start_differs_from_lift_tiny_in_its_weights_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(random_start, "CACHE", tmp_path)
    folder = random_start.folder("lift-tiny")
    assert random_start.folder("lift-tiny") == folder
    shipped = models.resolve("lift-tiny")
    for name in ("lift.json", "tokenizer.json"):
        assert (folder / name).read_bytes() == (shipped / name).read_bytes()
    architectures = [json.loads((place / "config.json").read_text("utf-8")) for place in (folder, shipped)]
    assert architectures[0]["n_embd"] == architectures[1]["n_embd"]
    assert models.fingerprint(str(folder)) != models.fingerprint("lift-tiny")
    assert [path.suffix for path in tmp_path.iterdir() if path != folder] == [".lock"], "nothing unfinished stays"
    shipped, *untrained = (
        random_start.trial(study.Case("moons", method, 0), study.Config(), "classification").learner
        for method in ("lift", "lift-random", "lift-plain")
    )
    own = [candidate for candidate in shipped.settings()["candidates"] if "model" not in candidate]
    assert 0 < len(own) < len(shipped.settings()["candidates"]), "small tables are left to lift-context"
    for learner in untrained:
        assert learner.get_params() | {"model": ""} == shipped.get_params() | {"model": ""}
        assert learner.settings() == shipped.settings() | {"candidates": own}, "but not those of an untrained start"


def test_another_architecture_has_no_random_start(tmp_path, monkeypatch):
    monkeypatch.setattr(random_start, "CACHE", tmp_path / "cache")
    (tmp_path / "config.json").write_text('{"model_type": "gptj"}')
    (tmp_path / "tokenizer.json").write_text("{}")
    for model in (str(tmp_path), "owner/name"):
        with pytest.raises(CannotDo, match=r"leave (it|lift-random) out of --methods"):
            random_start.folder(model)


def test_three_starts_differ_in_their_numbers_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(random_start, "CACHE", tmp_path)
    config = number_start.Config(layers=1, hidden=32)
    folders = {numbers: number_start.folder(config, numbers) for numbers in number_start.STARTS.values()}
    assert len(set(folders.values())) == 3
    assert folders["random"] == number_start.folder(config, "random")
    assert folders["random"] != number_start.folder(replace(config, layers=2), "random")
    fourier, random = (load_file(folders[name] / "model.safetensors") for name in ("fourier", "random"))
    unlike = {name for name in fourier if not torch.equal(fourier[name], random[name])}
    embeddings = "transformer.wte.weight"
    assert unlike == {embeddings}
    rows = (fourier[embeddings] != random[embeddings]).any(dim=1)
    assert rows.sum() == 2 * 1000, "each integer, with a space before it and without"
    learners = [number_start.build(study.Case("moons", method, 0), config).learner for method in number_start.STARTS]
    assert len({learner.model for learner in learners}) == 3
    assert len({str(learner.get_params() | {"model": ""}) for learner in learners}) == 1
    assert [models.load(learner.model).count_tokens(["12 999 =>"]) for learner in learners] == [[7], [3], [3]]


def test_a_learning_curve_goes_as_far_as_the_table():
    config = learning_curves.Config(datasets=("iris", "moons:n=100", "digits"), methods=("lift",), seeds=(0,))
    cases = [(case.dataset, case.settings["rows"]) for case in learning_curves.cases(config)]
    assert cases == [
        ("iris", 16),
        ("iris", 32),
        ("iris", 64),
        ("moons:n=100", 16),
        ("moons:n=100", 32),
        ("moons:n=100", 64),
    ]
    trial = learning_curves.build(study.Case("iris", "tree", 1, {"rows": 32}), config)
    assert (len(trial.split.y_train), len(trial.split.y_validation), len(trial.split.y_test)) == (32, 8, 30)


# ---- end to end ---------------------------------------------------------------------------------------------------


def test_quality_end_to_end_and_again(run, tmp_path):
    tables = [f"{name}:n=80" for name in ("moons", "circles", "two_circles", "blobs", "9clusters")]
    flags = ["--datasets", *tables, "--methods", "majority", "xgboost", "lift-random", "lift", *QUICK]
    flags += ["--limit", "30", "--max-train", "24", "--results-dir", tmp_path]
    out = run("quality", *flags)
    csv = tmp_path / "benchmarks" / "quality_classification.csv"
    frame = pd.read_csv(csv)
    assert len(frame) == 20
    assert set(frame["n_train"]) == {24}
    assert frame.groupby("method")["model"].first().str.startswith("data/cache/models/lift-tiny")["lift-random"]
    summary = pd.read_csv(csv.with_name("quality_classification_ranks.csv"))
    assert summary["wins"].sum() == pytest.approx(5)
    assert "synthetic (5 tables): accuracy" in out
    assert csv.with_name("quality_classification_ranks.png").exists() or "no figure of ranks" in out
    first = csv.read_bytes()
    assert "20 of 20 cases are finished already" in run("quality", *flags)
    assert csv.read_bytes() == first


def test_quality_of_regression_end_to_end(run, tmp_path):
    flags = ["--task", "regression", "--datasets", "linear", "cosine:p=2", "--methods", "mean", "lift", *QUICK]
    out = run("quality", *flags, "--limit", 20, "--results-dir", tmp_path)
    assert "functions (2 tables): rae" in out
    assert "no figure of ranks: a critical-difference figure needs" in out
    assert len(pd.read_csv(tmp_path / "benchmarks" / "quality_regression.csv")) == 4


def test_learning_curves_end_to_end(run, tmp_path):
    flags = ["--datasets", "moons:n=80", "circles:n=40", "--rows", 16, 32, *QUICK, "--results-dir", tmp_path]
    out = run("learning_curves", *flags)
    assert "| 16 | 2 |" in out
    assert "| 32 | 1 |" in out, "circles has 25 training rows"
    frame = pd.read_csv(tmp_path / "benchmarks" / "learning_curves.csv")
    assert set(frame["method"]) == {"logreg", "xgboost", "lift-plain", "lift-random", "lift"}
    assert frame.loc[frame["method"].str.startswith("lift"), "model"].nunique() == 3
    assert frame.groupby("rows")["n_train"].agg(["min", "max"]).to_numpy().tolist() == [[16, 16], [32, 32]]
    assert (tmp_path / "benchmarks" / "learning_curves.png").stat().st_size > 1000


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_number_start_end_to_end(run, tmp_path, monkeypatch, task):
    monkeypatch.setattr(random_start, "CACHE", tmp_path / "cache")
    methods = ["majority" if task == "classification" else "mean", *number_start.STARTS]
    flags = ["--task", task, "--methods", *methods, "--layers", 1, "--hidden", 32, *QUICK, "--limit", 12]
    out = run("number_start", *flags, "--max-train", 10, "--results-dir", tmp_path)
    csv = tmp_path / "benchmarks" / f"number_start_{task}.csv"
    frame = pd.read_csv(csv)
    assert set(frame["dataset"]) == set(number_start.DATASETS[task])
    assert frame["method"].value_counts().to_dict() == dict.fromkeys(methods, len(number_start.DATASETS[task]))
    assert set(frame["n_train"]) == {10}
    assert set(frame["n_invalid"]) == {0}
    assert all(f"| {method} |" in out for method in methods)
    assert csv.with_suffix(".png").stat().st_size > 1000


@pytest.mark.parametrize(("task", "dataset"), [("classification", "moons"), ("regression", "linear")])
def test_recipe_search_end_to_end(run, tmp_path, monkeypatch, task, dataset):
    monkeypatch.setattr(random_start, "CACHE", tmp_path / "cache")
    flags = ["--task", task, "--variants", "recipe", "nearest", "--datasets", dataset, *QUICK, "--limit", 12]
    out = run("recipe_search", *flags, "--results-dir", tmp_path)
    frame = pd.read_csv(tmp_path / "benchmarks" / f"recipe_search_{task}.csv")
    assert sorted(frame["variant"]) == ["nearest", "recipe"]
    assert '"shots"' in frame.set_index("variant")["chosen"]["nearest"]
    assert "| nearest |" in out
    table = pd.read_csv(tmp_path / "benchmarks" / f"recipe_search_{task}_means.csv")
    assert set(table["cases"]) == {1}


def test_recipe_search_of_a_pretrained_model(run, tmp_path, monkeypatch):
    """Its copies share the weights; each has the recipe for pretrained models with its change."""
    monkeypatch.setattr(random_start, "CACHE", tmp_path / "cache")
    model = small_llama(tmp_path / "mine")
    flags = ["--model", model, "--variants", "recipe", "full", "--datasets", "moons", *QUICK]
    run("recipe_search", *flags, "--limit", 12, "--results-dir", tmp_path)
    frame = pd.read_csv(tmp_path / "benchmarks" / "recipe_search_classification.csv").set_index("variant")
    chosen = frame["chosen"].map(json.loads)
    rates = {variant: row["learning_rate"] for variant, row in chosen.items()}
    assert rates["full"] == pytest.approx(pretrained.FULL_SHARE * rates["recipe"])
    copies = [Path(name) if Path(name).is_absolute() else ROOT / name for name in frame["model"]]
    assert {(copy / "model.safetensors").stat().st_ino for copy in copies} == {
        (model / "model.safetensors").stat().st_ino
    }
    assert json.loads((copies[-1] / "lift.json").read_text("utf-8"))["classification"]["adapter"] == "full"
    assert not (model / "lift.json").exists()


def test_rates_follow_the_width(run, tmp_path, monkeypatch):
    """Twice the width has half the rate, full fine-tuning a tenth, and each factor its multiple."""
    monkeypatch.setattr(initialization, "CACHE", tmp_path / "cache")
    model = small_llama(tmp_path / "mine")
    flags = ["--model", model, "--widths", 192, 384, "--layers", 2, "--factors", 0.1, 1, "--datasets", "moons", *QUICK]
    out = run("rate_by_width", *flags, "--limit", 12, "--results-dir", tmp_path)
    csv = tmp_path / "benchmarks" / "rate_by_width.csv"
    frame = pd.read_csv(csv).set_index(["adapter_kind", "width", "factor"])
    rates = frame["chosen"].map(json.loads).map(lambda row: row["learning_rate"])
    assert frame["model"].nunique() == 2
    assert rates["lora", 384, 1.0] == pytest.approx(rates["lora", 192, 1.0] / 2)
    assert rates["full", 384, 1.0] == pytest.approx(pretrained.FULL_SHARE * rates["lora", 384, 1.0])
    assert rates["lora", 192, 0.1] == pytest.approx(rates["lora", 192, 1.0] / 10)
    assert len(pd.read_csv(csv.with_name("rate_by_width_means.csv"))) == 4
    assert "| lora | 384 |" in out
    assert csv.with_suffix(".png").stat().st_size > 1000


def test_rates_need_whole_heads_and_lift():
    with pytest.raises(UserError, match="--widths 100: must be a multiple of 64"):
        rate_by_width.cases(rate_by_width.Config(widths=(192, 100)))
    with pytest.raises(UserError, match="only lift has a learning rate"):
        rate_by_width.cases(rate_by_width.Config(methods=("xgboost",)))


def test_a_search_needs_a_folder_and_variants_that_suit_the_model(tmp_path, monkeypatch):
    config = recipe_search.Config(model="smollm2", variants=("quantile",))
    monkeypatch.setattr(search_space.recipes, "is_pretrained", lambda name, recipe: True)
    with pytest.raises(UnknownName, match="'quantile' for smollm2; have recipe, slow"):
        list(recipe_search.cases(config))
    (tmp_path / "model.gguf").touch()
    with pytest.raises(CannotDo, match="has no folder"):
        search_space.folder(str(tmp_path / "model.gguf"), "classification", "recipe")


def test_the_search_keeps_off_the_papers_tables_and_their_relatives():
    entries = {name for tables in search_space.TABLES.values() for name in tables}
    relatives = ("wine", "digits", "iris", "wdbc", "breast", "hill", "student", "hamster", "climate", "credit-g")
    assert not [name for name in entries if registry.group(name) == "paper" or any(part in name for part in relatives)]
    assert not [name for name in entries if registry.find(name) is None or registry.find(name).published]


def test_variants_are_compared_on_the_cases_that_all_have():
    rows = [("a", 0, "x", 0.5), ("a", 0, "y", 0.7), ("b", 0, "x", 0.1)]
    frame = pd.DataFrame(rows, columns=["dataset", "seed", "variant", "accuracy"])
    table = recipe_search.means(frame.assign(seconds_fit=3.0, seconds_predict=1.0))
    assert table[["variant", "accuracy", "cases", "seconds"]].to_numpy().tolist() == [
        ["y", 0.7, 1, 4.0],
        ["x", 0.5, 1, 4.0],
    ]


# ---- README.md ----------------------------------------------------------------------------------------------------


def test_the_readme_shows_what_the_files_say():
    text = (ROOT / "README.md").read_text("utf-8")
    assert readme.replaced(text, readme.block()) == text, "run: python -m benchmarks.quality --readme"


def test_from_the_results_to_the_readme(tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")
    folder = tmp_path / "benchmarks"
    readme.README.write_text(f"above\n\n{readme.START}\nold\n{readme.END}\n\nbelow\n", "utf-8")
    assert readme.block(folder) == readme.NOTHING
    readme.publish("classification", means(THREE).drop(columns="group"), folder)
    text = readme.block(folder)
    assert "| xgboost | 0.817 |" in text
    assert "Regression" not in text
    once = readme.replaced(readme.README.read_text("utf-8"), text)
    assert once.startswith("above\n\n<!--")
    assert once.endswith("-->\n\nbelow\n")
    assert "old" not in once
    assert readme.replaced(once, text) == once
    with pytest.raises(UserError, match="once each"):
        readme.replaced("nothing", text)


def test_trial_runs_do_not_reach_the_readme(run, tmp_path, monkeypatch):
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")
    readme.README.write_text(f"{readme.START}\n{readme.END}\n", "utf-8")
    published = []
    monkeypatch.setattr(readme, "publish", lambda task, means: published.append((task, list(means["dataset"]))))
    flags = ["--methods", "majority", "tree", "--seeds", 0, "--results-dir", tmp_path]
    run("quality", "--datasets", "moons", *flags, "--limit", 20)
    run("quality", "--datasets", "circles", *flags)
    readme.update(tmp_path)
    assert published == [("classification", ["circles", "circles"])]
