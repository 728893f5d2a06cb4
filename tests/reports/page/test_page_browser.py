"""The page in a real browser: it stays offline, it is silent, and it fits its window."""

import pytest

from reports.build import build_report
from tests.helpers import chromium, result_files
from tests.helpers.result_files import MODELS, SEEDS

LONG = [f"a_model_with_a_quite_long_name_{i}" for i in range(8)]

pytestmark = pytest.mark.skipif(not chromium.find(), reason="no Chromium or Chrome installed")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.Browser(chromium.find(), tmp_path_factory.mktemp("profile")) as browser:
        yield browser


CASES = {
    "usual": (MODELS, result_files.AFFECT, 8),
    "long names": (LONG, result_files.AFFECT, 8),
    "classes": (LONG, result_files.EMOTIONS, 5),
    "sentiment": (MODELS, result_files.SENTIMENT, 5),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def report(request, tmp_path_factory):
    """A report with the usual models, one with long names, and those of other tasks.

    Returns:
        Its folder, and the number of its figures.
    """
    models, task, figures = request.param
    folder = result_files.write(tmp_path_factory.mktemp("results"), models, seconds=2, task=task)
    build_report(folder, models, SEEDS)
    return folder, figures


@pytest.mark.parametrize("width", [1280, 390])
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
    boxes = browser.evaluate(
        "[...document.querySelectorAll('.scroll')].map(b => b.getBoundingClientRect().right)"
    )
    assert max(boxes) <= window_width


def test_the_first_column_stays_while_the_table_scrolls(browser, report):
    browser.open((report[0] / "index.html").as_uri(), 390)
    left, scrolled = browser.evaluate(
        """(() => {
            const box = document.querySelector('.scroll');
            box.scrollLeft = 1000;
            const stub = box.querySelector('tbody .stub').getBoundingClientRect();
            return [stub.left - box.getBoundingClientRect().left, box.scrollLeft];
        })()"""
    )
    assert scrolled > 100
    assert left == 0
