"""What several tests of tables share."""

import threading

import pytest

from tests.tables.openml_server import Server
from utils.tables import openml


@pytest.fixture
def openml_server(monkeypatch, tmp_path):
    """An empty OpenML on this machine, with a cache of its own."""
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(openml, "SERVER", server.address)
    monkeypatch.setattr(openml, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(openml, "WAIT", 0.01)
    monkeypatch.delenv("LIFT_DATA", raising=False)
    yield server
    server.released.set()
    server.http.shutdown()
    thread.join()
    server.http.server_close()
