"""The documentation site: it builds strictly, loads nothing from the network, and has a page for each loss."""

import re
import sys

import pytest
from project import ENTRY_POINTS, ROOT
from site_pages import Page, broken, build

sys.path.insert(0, str(ROOT / "docs" / "hooks"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site").resolve()
    build(folder)
    return folder


def test_every_loss_has_a_page_with_formula_pictures_and_parameters(site):
    for name in ENTRY_POINTS["lossreg.losses"]:
        path = site / "losses" / f"{name}.html"
        text = path.read_text("utf-8")
        assert Page(path).pictures >= 3, f"{name} has no pictures"
        for heading in ("inputs", "parameters", "use", "elsewhere", "exactness", "related-losses", "source"):
            assert f'id="{heading}"' in text, f"{name} has no {heading}"
        assert re.search(r"value\s+=|value =", text), f"{name} has no formula in its docstring"
        assert '<math xmlns="http://www.w3.org/1998/Math/MathML"' in text, f"{name} has no typeset formula"
        assert f'href="{name}.html"' in (site / "losses" / "index.html").read_text("utf-8")


def test_losses_of_segmentations_have_images(site):
    for path in (ROOT / "plugins" / "lossreg_losses" / "images").glob("[a-z]*.py"):
        text = (site / "losses" / f"{path.stem}.html").read_text("utf-8")
        assert all(f"<p>{title}" in text for title in ("the prediction", "the true region", "the slope"))


def test_what_the_guide_advises_is_on_the_pages_of_losses(site):
    assert "Instead of it (a few targets are far off)" in (site / "losses" / "mse.html").read_text("utf-8")
    assert "(a few targets are far off)" in (site / "losses" / "huber.html").read_text("utf-8")


def test_no_curve_is_missing_from_the_pictures(site):
    for file in (site / "losses").glob("*.html"):
        text = file.read_text("utf-8")
        for panel in re.findall(r'<div class="panel".*?</div>', text, re.DOTALL)[:2]:
            paths = re.findall(r'<path d="([^"]+)"[^>]*stroke: #3b82f6', panel)
            assert any("L" in path for path in paths), f"{file.stem} has a panel without a curve"


def test_no_link_is_broken_and_nothing_comes_from_the_network(site):
    assert broken(site) == []
    loaded = {address for path in site.rglob("*.html") for address in Page(path).loaded}
    assert not [address for address in loaded if address.startswith(("http:", "https:", "//"))]
    for path in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?https?:", path.read_text("utf-8")), path.name


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#no">b</a><a href="c.html">c</a><img src="d.svg">')
    (tmp_path / "b.html").write_text('<p id="yes">')
    assert broken(tmp_path) == [("a.html", "b.html#no"), ("a.html", "c.html"), ("a.html", "d.svg")]


def test_every_command_is_on_its_page(site):
    from lossreg.cli import make_parser

    text = (site / "commands.html").read_text("utf-8")
    assert all(f'id="lossreg-{name}"' in text for name in make_parser()[1])
