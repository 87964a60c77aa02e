"""The live page in a real browser: it shows what has changed, with the view that was chosen before."""

import threading
import time

import pytest

import lossreg
from lossreg.experiment.report.live_page import ADDRESS, make_server
from lossreg.experiment.storage.runs import runs_in

GIVEN = {
    "data": {"name": "random", "samples": 40, "features": 2},
    "model": "linear",
    "optimizer": {"name": "sgd", "lr": 0.1},
    "loss": "mse",
    "train": {"epochs": 2},
}


@pytest.fixture
def address(tmp_path):
    with make_server(lambda: runs_in(tmp_path), 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{ADDRESS}:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def until(browser, expression):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if browser.js(expression):
            return
        time.sleep(0.2)
    raise AssertionError(expression)


def test_a_run_that_is_added_appears_and_the_view_stays(browser, address, tmp_path):
    for name in ("first", "second"):
        lossreg.run(GIVEN, root=tmp_path, name=name)
    browser.open(address)
    names = "[...document.querySelectorAll('.runs tbody th')].map((cell) => cell.textContent.trim().split('-')[0])"
    assert browser.js(names) == ["first", "second"]
    browser.js("[...document.querySelectorAll('.runs thead button')].find((b) => b.textContent === 'run').click()")
    browser.js("[...document.querySelectorAll('.runs thead button')].find((b) => b.textContent === 'run').click()")
    assert browser.js(names) == ["second", "first"]
    assert browser.js("document.getElementById('live').textContent") == "live"
    lossreg.run(GIVEN, root=tmp_path, name="third")
    until(browser, "document.querySelectorAll('.runs tbody tr').length === 3")
    assert browser.js(names) == ["third", "second", "first"]
    assert browser.complaints() == []
    assert {url.rpartition("/")[2] for url in browser.requests()} <= {"", "version", "data:,"}
