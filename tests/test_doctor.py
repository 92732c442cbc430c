"""The doctor tells what is missing and what to type, and shows no key; prefetch brings what it can."""

import http.server
import threading

import pytest

from utils import doctor, models, prefetch
from utils.errors import BadModel, UserError
from utils.tables import openml

OFFLINE = doctor.Config(network=False)


def lines(part, config=OFFLINE):
    return {line.subject: line for line in doctor.report(config) if line.part == part}


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch, tmp_path):
    for name in (*doctor.KEYS, "LIFT_DATA", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(openml, "CACHE", tmp_path / "openml")


def test_keys_are_named_and_never_shown(monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    assert doctor.main(OFFLINE) == 0
    out = capsys.readouterr().out
    assert "OPENAI_API_KEY" in out
    assert "sk-planted" not in out
    states = lines("keys")
    assert states["OPENAI_API_KEY"].state == "set"
    assert states["HF_TOKEN"].state.startswith("not set")


def test_every_script_has_a_line_and_the_small_defaults_run_anywhere():
    found = lines("experiments")
    assert len(found) > 30
    assert all("can run" in line.state for line in found.values())
    assert "mnist" in found["classification/images"].state
    assert "LIFT_DATA" in found["classification/images"].advice


def test_a_folder_of_tables_is_counted_and_makes_them_available(monkeypatch, tmp_path):
    (tmp_path / "vehicle.csv").write_text("a,b\n1,2\n")
    monkeypatch.setenv("LIFT_DATA", str(tmp_path))
    assert lines("data")[f"LIFT_DATA {tmp_path}"].state == "1 files"
    assert doctor._missing("vehicle", "classification", False) == []
    assert doctor._missing("tae", "classification", False) == ["tae"]
    assert doctor._missing("tae", "classification", True) == []
    monkeypatch.setenv("LIFT_DATA", str(tmp_path / "none"))
    assert "export LIFT_DATA" in lines("data")[f"LIFT_DATA {tmp_path / 'none'}"].advice


def test_groups_are_written_out():
    assert len(doctor._missing("paper", "classification", False)) > 10
    assert doctor._missing("functions", "others", False) == []


def test_a_model_that_cannot_be_used_is_a_missing_thing(tmp_path, capsys):
    assert doctor.main(doctor.Config(network=False, model=str(tmp_path))) == 1
    assert "config.json" in capsys.readouterr().out
    line = lines("model", doctor.Config(network=False, model="someone/model"))["someone/model"]
    assert line.advice == "python -m utils.prefetch --models someone/model"


def test_servers_are_reachable_or_not(monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        assert doctor._reachable(address)
        server.shutdown()
    assert not doctor._reachable(address)
    monkeypatch.setattr(doctor, "SERVERS", {"OpenML": address})
    assert "prefetch" in lines("network", doctor.Config())["OpenML"].advice


def test_requirements_are_those_for_this_python():
    names = [name for name, _ in doctor._requirements(doctor.ROOT / "requirements.txt")]
    assert len(names) == len(set(names))
    assert {"torch", "openai", "pandas"} <= set(names)


def test_prefetch_brings_what_it_can_and_tells_the_rest(monkeypatch, capsys):
    def fetch(name):
        if name != "here/model":
            raise BadModel(f"{name} cannot be fetched")

    monkeypatch.setattr(models, "fetch", fetch)
    assert prefetch.main(prefetch.Config(datasets=("iris", "no-such-table"), models=("here/model", "no/model"))) == 2
    out, err = capsys.readouterr()
    assert "here     iris" in out
    assert "here     here/model" in out
    assert "no-such-table" in err
    assert "no/model cannot be fetched" in err
    with pytest.raises(UserError, match="nothing to fetch"):
        prefetch.main(prefetch.Config())


def test_a_model_that_the_hub_does_not_give_is_a_clear_error(monkeypatch):
    from utils.models.local import hub

    def refuse(*_, **__):
        raise OSError("Repository Not Found for url\nmore")

    monkeypatch.setattr(hub, "snapshot_download", refuse)
    with pytest.raises(BadModel, match=r"someone/model cannot be fetched from the Hub: Repository Not Found for url$"):
        hub.fetch("someone/model")
    assert hub.fetch("lift-tiny").is_dir()
