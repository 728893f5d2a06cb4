"""The page in a real browser: it is silent, stays offline, fits its window, and can be read."""

from pathlib import Path

import axe_playwright_python
import pytest

from reports.build import build_report
from tests.helpers import chromium, result_files
from tests.helpers.result_files import MODELS, SEEDS

LONG = [f"a_model_with_a_quite_long_name_{i}" for i in range(8)]
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}"

pytestmark = pytest.mark.skipif(not chromium.find(), reason="no Chromium or Chrome installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.Browser(chromium.find(), tmp_path_factory.mktemp("profile")) as browser:
        yield browser


CASES = {"usual": (MODELS, result_files.AFFECT, 8), "classes": (LONG, result_files.EMOTIONS, 7)}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def report(request, tmp_path_factory):
    """A report with the usual models, and one of another task with long names.

    Returns:
        Its folder, and the number of its figures.
    """
    models, task, figures = request.param
    folder = result_files.write(tmp_path_factory.mktemp("results"), models, seconds=2, task=task)
    result_files.choose(folder, robust=models[1], intact=None, smallest=models[2])
    build_report(folder, models, SEEDS)
    return folder, figures


@pytest.mark.parametrize("width", [1920, 800, 360])
def test_page(browser, report, width):
    folder, figures = report
    page = (folder / "index.html").as_uri()
    browser.open(page, width)

    requests = [
        event["params"]["request"]["url"]
        for event in browser.events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert requests[0] == page
    assert all(url.startswith("data:") for url in requests[1:])
    noise = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
    assert not [event for event in browser.events if event["method"] in noise]

    assert browser.evaluate("window.innerWidth") == width
    page_width, window_width = browser.evaluate(
        "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.documentElement)"
    )
    assert page_width <= window_width
    images = browser.evaluate(
        "[...document.images].map(i => [i.complete && i.naturalWidth, i.width, i.height])"
    )
    assert len(images) == figures
    assert all(min(image) > 100 for image in images)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    boxes = browser.evaluate(
        "[...document.querySelectorAll('.scroll')].map(b => b.getBoundingClientRect().right)"
    )
    assert max(boxes) <= window_width


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_everybody_can_read_it(browser, report, ground):
    feature = {"name": "prefers-color-scheme", "value": ground}
    browser.send("Emulation.setEmulatedMedia", features=[feature])
    browser.send("Page.setBypassCSP", enabled=True)
    browser.open((report[0] / "index.html").as_uri(), 1280, 800)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    browser.evaluate(AXE.read_text() + "; 0")
    found = browser.send(
        "Runtime.evaluate",
        expression=f"axe.run(document, {RULES}).then(r => r.violations.map(v => [v.id, "
        "v.nodes.slice(0, 3).map(n => n.html + n.failureSummary)]))",
        awaitPromise=True,
        returnByValue=True,
    )
    assert found["result"]["value"] == []


def test_the_answer_is_on_the_first_screen(browser, report):
    browser.open((report[0] / "index.html").as_uri(), 1280, 800)
    assert (
        browser.evaluate(
            "['h1', '.caveat', '.needs', '.picture'].map(name => "
            "document.querySelector(name).getBoundingClientRect().bottom <= 800)"
        )
        == [True] * 4
    )
    assert (
        browser.evaluate(
            "document.querySelector('h1').compareDocumentPosition(document.querySelector('nav'))"
        )
        == 4
    )  # the contents follow


def test_the_first_column_stays_while_the_table_scrolls(browser, report):
    browser.open((report[0] / "index.html").as_uri(), 360)
    left, scrolled, bar = browser.evaluate(
        """(() => {
            const box = document.querySelector('.scroll');
            const bar = box.offsetHeight - box.clientHeight;
            box.scrollLeft = 1000;
            const stub = box.querySelector('tbody .stub').getBoundingClientRect();
            return [stub.left - box.getBoundingClientRect().left, box.scrollLeft, bar];
        })()"""
    )
    assert scrolled > 100
    assert abs(left) <= 2
    assert bar > 0  # that there is more to the right can be seen
