"""The live page: what it serves, to whom, and that it follows runs that change, end and are deleted."""

import http.client
import json
import shutil
import sys
import threading
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import pytest

import lossreg
from lossreg.errors import InvalidInput
from lossreg.experiment.report.live_page import ADDRESS, make_server
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.storage.runs import runs_in

GIVEN = {
    "data": {"name": "random", "samples": 40, "features": 2},
    "model": "linear",
    "optimizer": {"name": "sgd", "lr": 0.1},
    "loss": "mse",
    "train": {"epochs": 2},
}


@contextmanager
def served(root):
    with make_server(lambda: runs_in(root), 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def request(port, path="/", host=None, method="GET"):
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"{ADDRESS}:{port}")
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), dict(answer.getheaders())


def test_the_page_follows_runs_that_change_and_that_are_deleted(tmp_path):
    first = lossreg.run(GIVEN, root=tmp_path).path
    with served(tmp_path) as port:
        status, text, headers = request(port)
        assert status == 200
        assert first.name in text
        assert headers["Cache-Control"] == "no-store"
        version = json.loads(request(port, "/version")[1])
        assert version["version"] in text
        assert json.loads(request(port, "/version")[1]) == version
        assert "connect-src 'self'" in text
        second = lossreg.run(GIVEN, root=tmp_path, name="second").path
        assert json.loads(request(port, "/version")[1])["version"] != version["version"]
        assert second.name in request(port)[1]
        with RunDirectory(first) as running:
            running.status("running", step=1)
            assert '"status":"running"' in request(port)[1]
        assert '"status":"running"' not in request(port)[1]
        shutil.rmtree(first)
        text = request(port)[1]
        assert first.name not in text
        assert second.name in text
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        request(port)
        assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", f"{ADDRESS}.evil.example", "10.0.0.1", "localhost.x:1"]
)
def test_requests_by_other_names_are_refused(tmp_path, host):
    with served(tmp_path) as port:
        status, text, _ = request(port, host=host)
        assert status == 403
        assert f"{ADDRESS} only" in text
        assert request(port, host="localhost")[0] == 200


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/../../etc/passwd", "GET", 404),
        ("//evil.example/", "GET", 404),
        ("/?x", "GET", 404),
        ("/", "POST", 501),
        ("/", "DELETE", 501),
    ],
)
def test_nothing_else_is_served(tmp_path, path, method, expected):
    with served(tmp_path) as port:
        assert request(port, path, method=method)[0] == expected


def test_it_listens_on_this_machine_only_and_a_port_that_is_taken_is_a_mistake(tmp_path):
    with make_server(lambda: runs_in(tmp_path), 0) as server:
        assert server.server_address[0] == ADDRESS
        with pytest.raises(InvalidInput, match="--port 0"):
            make_server(lambda: runs_in(tmp_path), server.server_address[1])
    with pytest.raises(InvalidInput, match="--port: 99999 cannot be used"):
        make_server(lambda: runs_in(tmp_path), 99999)


def test_runs_that_cannot_be_found_any_more_are_an_answer_and_no_traceback(capsys):
    def find():
        raise InvalidInput("no run 'x'")

    with make_server(find, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        status, text, _ = request(server.server_address[1])
        server.shutdown()
        thread.join()
    assert (status, text) == (503, "no run 'x'")
    assert "Traceback" not in capsys.readouterr().err


def test_a_notebook_shows_the_progress_of_runs_in_one_place(tmp_path, monkeypatch):
    shown = []

    class ZMQInteractiveShell:
        """The class of the shell in the kernel of a notebook has this name."""

    def display(shown_object, *, display_id):
        assert display_id
        return SimpleNamespace(update=lambda updated: shown.append((shown_object is updated, updated._repr_html_())))

    notebook, displays = ModuleType("IPython"), ModuleType("IPython.display")
    notebook.get_ipython, displays.display = ZMQInteractiveShell, display
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    lossreg.run(GIVEN, root=tmp_path, name="<b>")
    assert all(is_same for is_same, _ in shown)
    assert "epoch 2/2" in shown[-1][1]
    assert "&lt;b&gt;: model linear" in shown[-1][1]
    count, notebook.get_ipython = len(shown), lambda: None
    lossreg.run(GIVEN, root=tmp_path)
    assert len(shown) == count
