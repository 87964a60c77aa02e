"""The documentation in a real browser: at three widths, in light and dark, without complaints or a scroll bar below.

PICTURES=DIR keeps a picture of every page in every width and scheme; SITE=DIR has a site that is built already.
"""

import functools
import os
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from site_pages import build

PAGES = (
    "index",
    "losses/index",
    "losses/huber",
    "losses/cross_entropy",
    "losses/ctc",
    "losses/dice",
    "losses/evidential",
    "losses/rnnt",
    "choosing",
    "studies/chooser",
    "studies/counts",
    "tutorials/first_run",
    "tutorials/keras_skorch_lightning",
    "tutorials/more_of_the_runner",
    "tutorials/notebook",
    "runs",
    "config",
    "proofs",
    "commands",
    "api",
)
WIDTHS = (1440, 768, 375)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = Path(os.environ.get("SITE") or tmp_path_factory.mktemp("site"))
    if not os.environ.get("SITE"):
        build(folder)
    with ThreadingHTTPServer(("localhost", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_shown_without_complaints(browser, address, name, scheme):
    for width in WIDTHS:
        browser.open(f"{address}/{name}.html", width=width, scheme=scheme)
        assert browser.complaints() == []
        assert all(url.startswith((address, "data:", "blob:")) for url in browser.requests())
        assert browser.js("document.documentElement.scrollWidth") <= width
        dark = browser.js("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (scheme == "dark")
        if folder := os.environ.get("PICTURES"):
            browser.screenshot(Path(folder) / f"{name.replace('/', '-')}-{width}-{scheme}.png")
