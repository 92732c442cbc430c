"""The report: everything behind the scores is in one file, opens without a network, and no text of it is markup."""

import base64
import gzip
import html
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from tests.programs import run
from utils import report
from utils.errors import UserError
from utils.report import Config
from utils.results import Results

EVIL = "<script>document.title='evil'</script>"
N = 60
RNG = np.random.default_rng(0)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of a tree and of LIFT on a table whose labels, texts and column names are markup."""
    place = tmp_path_factory.mktemp("report")
    x = RNG.normal(size=N).round(3)
    table = pd.DataFrame({"x<b>": x, "word": ["<i>a</i>", "b & c"] * (N // 2), "y": np.where(x > 0, EVIL, "no")})
    table.to_csv(place / "my.csv", index=False)
    flags = ["--datasets", place / "my.csv", "--methods", "tree", "lift", "--epochs", 2, "--seeds", 0, 1]
    run("classification.accuracy", *flags, "--results-dir", place / "before", "--quiet", "--workers", 1)
    return place / "before"


@pytest.fixture(scope="module")
def page(folder):
    out = report.main(Config((folder,), folder.parent / "report.html", quiet=True))
    return out.read_text("utf-8")


def data(page):
    """The experiments' data by id."""
    found = re.findall(r'<script type="application/gzip" class="page" data-id="([^"]*)".*?>([^<]*)</script>', page)
    return {name: json.loads(gzip.decompress(base64.b64decode(text))) for name, text in found}


def test_every_answer_is_there_with_its_row_prompt_text_and_probabilities(folder, page):
    (content,) = data(page).values()
    results = Results(folder, "classification", "accuracy")
    frame = results.frame()
    assert content["cases"]["keys"] == frame["key"].tolist()
    lift = frame[frame["method"] == "lift"].iloc[0]
    answers, stored = content["answers"][lift["key"]], results.answers(lift["key"])
    assert answers["n"] == len(stored) == lift["n_test"] == len(answers["row"])
    assert answers["wrong"] == round((1 - lift["accuracy"]) * lift["n_test"])
    table = pd.read_csv(folder.parent / "my.csv")
    cells, prompts = content["rows"][answers["cells"]], content["prompts"][answers["prompts"]]
    assert cells["columns"] == ["x<b>", "word"]
    for i, row in enumerate(answers["row"]):
        own = stored.set_index("row").loc[row]
        assert cells["cells"][row] == table.iloc[int(row), :2].tolist()
        assert answers["truth"][i] == table["y"].iloc[int(row)] == own["truth"]
        assert (answers["parsed"][i], answers["text"][i]) == (own["parsed"], own["text"])
        expected = np.exp(own[[f"log_p_{name}" for name in answers["classes"]]].to_numpy(float))
        np.testing.assert_allclose(answers["p"][i], expected, atol=1e-4)
        assert prompts[row]
    tree = content["answers"][frame.loc[frame["method"] == "tree", "key"].iloc[0]]
    assert tree["text"] is None
    assert tree["cells"] == answers["cells"], "rows that cases share are kept once"


def test_the_worst_mistakes_come_first_and_the_confusion_counts_all(page):
    (content,) = data(page).values()
    for answers in content["answers"].values():
        wrong = [said != truth for said, truth in zip(answers["parsed"], answers["truth"], strict=True)]
        assert wrong == sorted(wrong, reverse=True)
        place = [answers["classes"].index(truth) for truth in answers["truth"]]
        sure = [row[i] for row, i, lost in zip(answers["p"], place, wrong, strict=True) if lost]
        assert sure == sorted(sure)
        counts = np.array(answers["confusion"]["n"])
        assert counts.sum() == answers["n"]
        assert counts.sum() - np.trace(counts) == answers["wrong"]


def test_errors_of_numbers_come_largest_first_and_unreadable_ones_before(tmp_path):
    from utils.reporting import pages

    stored = pd.DataFrame({"row": range(4), "parsed": ["1.0", None, "5.0", "2.5"], "truth": ["1.5", "2", "2", "2.5"]})
    wrong, badness = pages._badness(stored, [], [], is_label=False)
    assert np.argsort(-badness).tolist() == [1, 2, 0, 3]
    assert wrong.tolist() == [False, True, False, False]


def test_markup_stays_text_and_nothing_is_fetched(page):
    assert EVIL not in page
    assert EVIL in json.dumps(data(page), ensure_ascii=False)
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "default-src 'none'" in page


def test_figure_settings_machine_and_ledger(page):
    (content,) = data(page).values()
    picture = re.search(r'data-figure="data:image/svg\+xml;base64,([^"]*)"', page)
    assert b"<svg" in base64.b64decode(picture[1])
    assert dict(content["settings"])["epochs"] == "2"
    assert dict(content["machine"])["cases"] == "4"
    (line,) = content["ledger"]
    assert (line["learner"], line["answers"], line["unreadable"]) == ("lift", 24, 0)


def test_tables_lie_beside_it(folder, page):
    tables = folder.parent / "report_tables"
    text = (tables / "classification_accuracy.tex").read_text("utf-8")
    assert r"\toprule" in text
    assert r"\textbf{" in text
    assert len(pd.read_csv(tables / "classification_accuracy.csv")) == 2


def test_a_large_run_keeps_the_worst_answers_only(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MOST_BYTES", 1)
    monkeypatch.setattr(report, "FEWER", (2000, 3))
    page = report.main(Config((folder,), tmp_path / "r.html", quiet=True)).read_text("utf-8")
    (content,) = data(page).values()
    assert {len(answers["row"]) for answers in content["answers"].values()} == {3}
    assert {answers["n"] for answers in content["answers"].values()} == {12}


def test_two_folders_stand_side_by_side_and_rows_may_be_left_out(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "after")
    page = report.main(Config((folder, tmp_path / "after"), tmp_path / "r.html", rows=False, quiet=True)).read_text(
        "utf-8"
    )
    found = data(page)
    assert list(found) == ["before/classification/accuracy", "after/classification/accuracy"]
    answers = next(iter(found["after/classification/accuracy"]["answers"].values()))
    assert "cells" not in answers
    assert "--no-rows" in answers["reason"]


def test_a_prompt_of_another_text_is_not_shown(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    results = Results(tmp_path / "other", "classification", "accuracy")
    row = results.frame().set_index("method", drop=False).loc["lift"].iloc[0]
    answers = results.answers(row["key"])
    before = report._answered_rows(results, row)
    assert len(before.prompts) == 12
    answers["prompt_sha256"] = ["0" * 16, *answers["prompt_sha256"][1:]]
    answers.to_csv(results.answers_path(row["key"]), index=False)
    assert len(report._answered_rows(results, row).prompts) == 11
    results.record_path(row["key"]).unlink()
    assert "kept no record" in report._answered_rows(results, row).reason


def test_no_results_and_two_folders_of_one_name(tmp_path, folder):
    with pytest.raises(UserError, match="no results under"):
        report.main(Config((tmp_path,)))
    with pytest.raises(UserError, match="two of the folders are called before"):
        report.main(Config((folder, folder)))


# What a reader does, done by the page itself; what it saw ends in the attribute data-seen.
VISIT = """
<script>
(async () => {
  const seen = { errors: [] };
  window.addEventListener("error", event => seen.errors.push(event.message));
  window.addEventListener("unhandledrejection", event => seen.errors.push(String(event.reason)));
  const pause = () => new Promise(go => setTimeout(go, 25));
  const until = async find => {
    for (let i = 0; i < 400; i++) { const found = find(); if (found) return found; await pause(); }
    throw Error("never: " + find);
  };
  const fits = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth;
  try {
    seen.fits = [fits()];
    document.querySelector("main tbody a").click();
    const table = await until(() => document.querySelector("#cases"));
    seen.fits.push(fits());
    const learners = () => [...table.tBodies[0].rows].map(row => row.cells[2].textContent);
    const head = [...table.tHead.rows[0].cells].find(cell => cell.textContent === "learner");
    head.firstChild.click(); seen.up = learners();
    head.firstChild.click(); seen.down = learners();
    document.querySelector("#pivot td:last-child").previousSibling.firstChild.click();
    await until(() => document.querySelector("#answers"));
    document.querySelector("button.answer").click();
    seen.opened = document.querySelector("tr.open").textContent;
    seen.confusion = document.querySelector("#confusion").rows.length;
    seen.fits.push(fits());
    history.back();
    const named = button => button.textContent === "side by side";
    (await until(() => [...document.querySelectorAll("button")].find(named))).click();
    await until(() => document.querySelector("#differ"));
    seen.sides = document.querySelector("#sides").rows.length;
    seen.paper = getComputedStyle(document.body).backgroundColor;
    seen.fits.push(fits());
  } catch (error) { seen.errors.push(String(error)); }
  seen.title = document.title;
  document.body.dataset.seen = JSON.stringify(seen);
})();
</script></body>"""


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_in_a_browser(page, tmp_path, width, dark):
    browser = os.environ.get("LIFT_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed, and LIFT_BROWSER names none")
    file = tmp_path / "report.html"
    file.write_text(page.replace("</body>", VISIT), "utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    flags += [f"--window-size={width},900", "--virtual-time-budget=20000", "--enable-logging=stderr", "--dump-dom"]
    flags += [*os.environ.get("LIFT_BROWSER_FLAGS", "").split(), *(["--blink-settings=preferredColorScheme=0"] * dark)]
    done = subprocess.run([browser, *flags, file.as_uri()], capture_output=True, text=True, check=True, timeout=300)
    seen = json.loads(html.unescape(re.search(r'data-seen="([^"]*)"', done.stdout)[1]))
    assert not seen["errors"]
    assert "CONSOLE" not in done.stderr, done.stderr
    assert seen["title"] == "LIFT: results", "labels that hold scripts stay text"
    assert seen["up"] == sorted(seen["up"])
    assert seen["down"] == sorted(seen["down"], reverse=True)
    assert [word for word in ("x<b>", "Prompt", "Probabilities") if word not in seen["opened"]] == [], seen["opened"]
    assert seen["confusion"] == 3
    assert seen["sides"] > 5
    assert all(seen["fits"]), "nothing is wider than the window"
    assert seen["paper"] == ("rgb(21, 24, 28)" if dark else "rgb(255, 255, 255)")
