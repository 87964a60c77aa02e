"""The report in a real browser: what it shows, how it answers, and that it is legible.

`make browser` runs this; PICTURES=DIR keeps a picture of every page in every width and scheme.
"""

import json
import os
import re
from pathlib import Path

import pytest

NAMES = ("twenty", "two", "one", "bad", "many")
WIDTHS = (1280, 375)

RATIOS = """(() => {
  const parse = (colour) => {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data;
  };
  const light = (colour) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = [...parse(colour)].slice(0, 3).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (parse(colour)[3] === 255) return colour;
    }
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const texts = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const shown = element.getClientRects().length && !element.closest("script, .zero, :disabled, .broken");
    const drawn = element.ownerSVGElement && ["text", "tspan"].includes(element.tagName);
    const start = element.outerHTML.slice(0, 80);
    if (texts && shown) found.push([start, ratio(drawn ? style.fill : style.color, behind(element)), 4.5]);
    if (element.matches("path.line")) found.push([start, ratio(style.stroke, behind(element)), 3]);
  }
  return found;
})()"""


def box(browser, selector, index=0):
    """Where an element is on the screen, after it was brought there."""
    return browser.js(
        f"(() => {{ const e = document.querySelectorAll({json.dumps(selector)})[{index}];"
        " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
        " return {x: r.left, y: r.top, width: r.width, height: r.height}; })()",
    )


def click(browser, text, within="body"):
    browser.js(
        f"[...document.querySelector({json.dumps(within)}).querySelectorAll('button')]"
        f".find(b => b.textContent.trim() === {json.dumps(text)}).click()",
    )
    browser.settle()


def texts(browser, selector):
    return browser.js(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent.trim())")


def lines(browser, chart=0):
    return browser.js(f"document.querySelectorAll('#curves figure')[{chart}].querySelectorAll('path.line').length")


def ticks(browser, chart=0):
    """The numbers along the horizontal axis of a chart of the curves."""
    found = texts(browser, f"#curves .card:nth-child({chart + 1}) text[text-anchor=middle]")
    return [float(text) for text in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_it_opens_in_silence_asks_for_nothing_and_fits(browser, reports, name, width, scheme):
    browser.open(reports[name], width=width, scheme=scheme)
    assert browser.complaints() == []
    assert browser.requests() == [reports[name].as_uri()]
    assert browser.js("document.documentElement.scrollWidth") == width
    assert lines(browser) > 0
    assert browser.js("document.querySelectorAll('#losses path.line').length") > 0
    ratios = browser.js(RATIOS)
    assert len(ratios) > 50
    assert [found for found in ratios if found[1] < found[2]] == []
    pictures = os.environ.get("PICTURES")
    if pictures:
        browser.screenshot(Path(pictures) / f"{name}-{width}-{scheme}.png")


def test_nothing_of_the_page_can_load_or_run_what_is_not_named(browser, reports):
    browser.open(reports["one"])
    browser.js(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s);"
        " const i = new Image(); i.src = 'https://example.invalid/x.png'; document.body.append(i); })()",
    )
    browser.js("new Promise(done => setTimeout(done, 100))")
    assert browser.js("window.ran") is None
    blocked = [event for event in browser.complaints() if "Content Security Policy" in json.dumps(event)]
    assert len(blocked) == 2


def test_what_a_run_says_is_text(browser, reports):
    browser.open(reports["bad"])
    (error,) = [text for text in texts(browser, "#runs p") if "ValueError" in text]
    assert error.endswith("ValueError: </script><script>console.log('no')</script><img src=x>")
    assert browser.js("document.images.length") == 0


def test_pointing_at_a_curve_tells_its_value(browser, reports):
    browser.open(reports["two"])
    place = box(browser, "#curves svg.chart")
    browser.mouse("mouseMoved", place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    browser.settle()
    tip = texts(browser, "#curves .tip:not([hidden]) div")
    assert tip[0].startswith("epoch 1")
    assert len(tip) == 5  # two runs, on the rows to train and to test on
    near = browser.js("document.querySelector('#curves path.near').dataset.run")
    data = json.loads(browser.js("document.getElementById('content').textContent"))
    epoch = int(tip[0].split()[1])
    shown = browser.js("document.querySelector('#curves .tip .near').textContent")
    values = {
        f"{run['name']} · {split}{float(f'{value:.4g}'):g}"
        for run in [data["runs"][int(near)]]
        for split in ("train", "test")
        for value in [run["curves"][f"{split}_loss"]["y"][epoch - 1]]
    }
    assert shown in values
    assert texts(browser, "#runs tr.near th") == [data["runs"][int(near)]["name"]]
    browser.mouse("mouseMoved", 1, 1)
    browser.settle()
    assert browser.js("document.querySelectorAll('#curves .tip:not([hidden]), #curves .hover, tr.near').length") == 0


def test_dragging_zooms_all_charts_and_a_double_click_shows_all(browser, reports):
    browser.open(reports["two"])
    assert max(ticks(browser)) == 30
    place = box(browser, "#curves svg.chart")
    middle = place["y"] + place["height"] / 2
    browser.drag((place["x"] + place["width"] * 0.3, middle), (place["x"] + place["width"] * 0.6, middle + 5))
    for chart in range(2):
        assert 5 < min(ticks(browser, chart)) < max(ticks(browser, chart)) < 20
    assert browser.js("getSelection().toString()") == ""
    x, y = place["x"] + 200, middle
    for count in (1, 2):
        browser.mouse("mousePressed", x, y, button="left", clickCount=count)
        browser.mouse("mouseReleased", x, y, button="left", clickCount=count)
    browser.settle()
    assert max(ticks(browser)) == 30
    browser.drag((place["x"] + 100, middle), (place["x"] + 200, middle))
    click(browser, "Show all", "#curves")
    assert max(ticks(browser, 1)) == 30
    assert browser.complaints() == []


def test_the_keyboard_does_what_the_mouse_does(browser, reports):
    browser.open(reports["two"])
    browser.js("document.querySelector('#curves svg.chart').focus()")
    browser.press("ArrowRight")
    first = texts(browser, "#curves .tip:not([hidden]) div")[0]
    browser.press("ArrowRight")
    second = texts(browser, "#curves .tip:not([hidden]) div")[0]
    assert int(second.split()[1]) == int(first.split()[1]) + 1
    near = browser.js("document.querySelector('#curves .tip .near').textContent")
    for _ in range(3):
        browser.press("ArrowDown")
    assert browser.js("document.querySelector('#curves .tip .near').textContent") != near
    browser.press("+")
    assert max(ticks(browser)) - min(ticks(browser)) < 20
    browser.press("0")
    assert max(ticks(browser)) == 30
    assert browser.js("document.activeElement.matches('#curves svg.chart')")
    assert browser.complaints() == []


def test_runs_and_splits_are_switched_off_and_on(browser, reports):
    browser.open(reports["two"])
    names = texts(browser, "#runs tbody th")
    assert lines(browser) == 4
    click(browser, names[0], "#curves")
    assert lines(browser) == lines(browser, 1) == 2
    click(browser, "train", "#curves")
    assert lines(browser) == 1
    click(browser, "None", "#curves")
    assert lines(browser) == 0
    assert "all runs are hidden" in texts(browser, "#curves figure text")
    click(browser, "All", "#curves")
    click(browser, "train", "#curves")
    assert lines(browser) == 4


def test_twenty_runs_are_coloured_by_loss_and_one_loss_is_singled_out(browser, reports):
    browser.open(reports["twenty"])
    assert lines(browser) == 20
    click(browser, "train", "#curves")
    assert lines(browser) == 40
    hues = "new Set([...document.querySelectorAll('#curves path.line')].map(p => p.classList[1])).size"
    assert browser.js(hues) == 4
    click(browser, "multi_margin", "#curves")
    assert lines(browser) == 10
    assert browser.js(hues) == 1


def test_a_sweep_begins_with_its_result_and_draws_lines_that_can_be_distinguished(browser, reports):
    browser.open(reports["many"])
    assert texts(browser, "h1") == ["many: 200 runs"]
    assert browser.js("document.title") == "many: 200 runs · lossreg report"
    assert texts(browser, "h2")[0] == "Results"
    content = json.loads(browser.js("document.getElementById('content').textContent"))
    results = content["results"]
    assert results["metric"] == "test_accuracy"
    means = [float(text) for text in texts(browser, "#results tbody td:nth-of-type(3)")]
    assert means == sorted(means, reverse=True)
    assert len(means) == 20
    click(browser, "Show all 40 configs", "#results")
    assert len(texts(browser, "#results tbody tr")) == 40
    coloured = "#curves figure:first-of-type path.line:not(.hue-rest)"
    per_chart = browser.js(f"document.querySelectorAll({json.dumps(coloured)}).length") / len(content["charts"])
    assert per_chart == 7
    assert lines(browser) < 120
    chips = texts(browser, "#curves .legend button")
    assert chips[:7] == [group["name"] for group in results["groups"][:7]]
    assert chips[7:] == ["the other 33", "All", "None"]
    click(browser, "the other 33", "#curves")
    assert lines(browser) == 7
    click(browser, chips[0], "#curves")
    assert lines(browser) == 1
    assert len(texts(browser, "#runs tbody tr")) == 20
    click(browser, "Show all 200 runs", "#runs")
    assert len(texts(browser, "#runs tbody tr")) == 200
    click(browser, "seconds", "#curves")
    assert max(ticks(browser)) == 6
    assert browser.complaints() == []


def test_a_wide_table_says_that_it_scrolls(browser, reports):
    browser.open(reports["many"], width=800)
    assert texts(browser, "#runs .cue:not([hidden])") == [
        "This table is wider than the page: scroll it sideways to see all columns."
    ]
    browser.open(reports["one"], width=1280)
    assert browser.js("document.querySelectorAll('#environment .cue:not([hidden])').length") == 0


def test_the_axes_change(browser, reports):
    browser.open(reports["two"])
    path = "document.querySelector('#curves path.line').getAttribute('d')"
    linear = browser.js(path)
    click(browser, "log", "#curves")
    assert browser.js(path) != linear
    click(browser, "linear", "#curves")
    assert browser.js(path) == linear
    click(browser, "step", "#curves")
    assert max(ticks(browser)) > 100
    assert texts(browser, "#curves figure text[text-anchor=end]:last-of-type")[0] == "step"


@pytest.mark.parametrize("key", ["optimizer.lr", "test_accuracy", "run", "loss.name"])
def test_the_table_sorts_both_ways(browser, reports, key):
    browser.open(reports["twenty"])
    column = texts(browser, "#runs thead th").index(key)

    def cells():
        found = texts(browser, f"#runs tbody tr > :nth-child({column + 1})")
        if key in ("optimizer.lr", "test_accuracy"):
            return [float(cell) for cell in found]
        return [[int(part) if part.isdigit() else part for part in re.split(r"(\d+)", cell)] for cell in found]

    orders = []
    for _ in range(2):
        click(browser, key, "#runs")
        state = browser.js(f"document.querySelectorAll('#runs thead th')[{column}].getAttribute('aria-sort')")
        assert cells() == sorted(cells(), reverse=state == "descending")
        orders.append(state)
    assert sorted(orders) == ["ascending", "descending"]
    assert orders[0] == ("descending" if key == "test_accuracy" else "ascending")
    assert len(set(texts(browser, "#runs tbody th"))) == 20


def test_nan_is_said_and_marked_and_comes_last(browser, reports):
    browser.open(reports["bad"])
    assert "nan" in texts(browser, "#runs td.bad")
    assert browser.js("document.querySelectorAll('#curves .broken').length") > 0
    click(browser, "test_loss", "#runs")
    column = texts(browser, "#runs thead th").index("test_loss")
    cells = texts(browser, f"#runs tbody tr > :nth-child({column + 1})")
    assert set(cells[-2:]) == {"nan", ""}  # the run that diverged, and the one that has nothing
    assert {"killed", "failed", "diverged", "unknown", "finished"} <= set(texts(browser, "#runs td:nth-child(2)"))


def test_confusions_add_up_for_each_run(browser, reports):
    browser.open(reports["twenty"])
    for run in (0, 7):
        browser.js(
            "(() => { const list = document.querySelector('#predictions select');"
            f" list.value = '{run}'; list.dispatchEvent(new Event('change')); }})()",
        )
        data = json.loads(browser.js("document.getElementById('content').textContent"))["runs"][run]
        counts = [int(text) for text in texts(browser, "#predictions td:not(.recall)")]
        right = [int(text) for text in texts(browser, "#predictions td.correct")]
        assert (sum(counts), len(counts)) == (data["predictions"]["rows"], 100)
        assert sum(right) / sum(counts) == pytest.approx(data["values"]["test_accuracy"], abs=1e-5)


def test_residuals_are_drawn_and_a_killed_run_says_why_there_are_none(browser, reports):
    browser.open(reports["one"])
    assert browser.js("document.querySelectorAll('#predictions circle.sample').length") == 110
    assert browser.js("document.querySelectorAll('#predictions rect.bar').length") >= 5
    browser.open(reports["bad"])
    said = set()
    for run in range(5):
        browser.js(
            "(() => { const list = document.querySelector('#predictions select');"
            f" list.value = '{run}'; list.dispatchEvent(new Event('change')); }})()",
        )
        said |= set(texts(browser, "#predictions .note"))
    assert "There are no predictions: a run makes them at its end, and the status of this one is killed." in said
    assert browser.complaints() == []


def test_tables_and_charts_are_named_for_those_who_do_not_see_them(browser, reports):
    browser.open(reports["twenty"])
    assert browser.js("[...document.querySelectorAll('svg.chart, .scroll')].every(e => e.getAttribute('aria-label'))")
    assert browser.js("[...document.querySelectorAll('button')].every(e => e.textContent.trim())")
    assert browser.js("[...document.querySelectorAll('select')].every(e => e.closest('label'))")
    assert browser.js("getComputedStyle(document.querySelector('#runs td.number')).textAlign") == "right"
    assert "tabular-nums" in browser.js("getComputedStyle(document.querySelector('#runs td')).fontVariantNumeric")
