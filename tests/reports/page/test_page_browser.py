"""The page in a real browser: it is silent, stays offline, fits its window, and can be read."""

import base64
from pathlib import Path

import axe_playwright_python
import pytest
from matplotlib.figure import Figure

from reports.build import build_report
from reports.page.prediction import prediction_page
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


def write_report(folder, models, task):
    result_files.write(folder, models, seconds=2, task=task)
    result_files.choose(folder, robust=models[1], intact=None, smallest=models[2])
    build_report(folder, models, SEEDS)
    return folder / "index.html"


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The page of a report with the usual models, and the number of its figures."""
    return write_report(tmp_path_factory.mktemp("usual"), MODELS, result_files.AFFECT), 8


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """The page of another task with long names, and the number of its figures."""
    return write_report(tmp_path_factory.mktemp("classes"), LONG, result_files.EMOTIONS), 7


@pytest.fixture(scope="module")
def prediction(tmp_path_factory):
    """The page of a prediction, and the number of its figures."""
    page = tmp_path_factory.mktemp("prediction") / "call.lacuna.html"
    figure = Figure(figsize=(9, 3))
    figure.subplots().plot([0, 1], [0.2, 0.4])
    figure.savefig(page.with_suffix(".png"))
    missing = {"no face": [(0.5, 2.0), (60.0, 61.5)], "no sound": []}
    text = prediction_page(
        title="a_recording_with_a_quite_long_name_of_its_own.mp4, model lacuna, seed 2",
        figure=page.with_suffix(".png").read_bytes(),
        missing=missing,
        basis={"both": 0.9, "audio": 0.1},
        answers={},
        notes=["2 people were in view, one of them for 3.0 s."],
        caveats=["fc6 is of random weights."],
        files=["call.lacuna.csv", "call.lacuna.png"],
    )
    page.write_text(text, encoding="utf-8")
    return page, 1


@pytest.fixture(params=["usual", "classes"])
def report(request):
    """The page of either report, and the number of its figures."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["usual", "classes", "prediction"])
def page(request):
    """Every kind of page, and the number of its figures."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("width", [1920, 800, 360])
def test_page(browser, page, width):
    file, figures = page
    page = file.as_uri()
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
    assert max(boxes, default=0) <= window_width


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_everybody_can_read_it(browser, page, ground):
    feature = {"name": "prefers-color-scheme", "value": ground}
    browser.send("Emulation.setEmulatedMedia", features=[feature])
    browser.send("Page.setBypassCSP", enabled=True)
    browser.open(page[0].as_uri(), 1280, 800)
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


def test_a_keyboard_reaches_what_unfolds_and_scrolls(browser, report):
    browser.open(report[0].as_uri(), 360)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    reached = "document.activeElement === document.body ? '' : document.activeElement.outerHTML"
    wanted = browser.evaluate("document.querySelectorAll('summary, .scroll, a').length")
    seen = []
    for _ in range(wanted + 1):
        for kind in ("rawKeyDown", "keyUp"):
            key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
            browser.send("Input.dispatchKeyEvent", type=kind, **key)
        seen.append(browser.evaluate(f"({reached}).slice(0, 200)"))
    assert len([element for element in seen if element]) >= wanted
    assert {"<a ", "<di", "<su"} <= {element[:3] for element in seen}


def test_it_prints_on_a4(browser, report):
    browser.open(report[0].as_uri(), 1280)
    printed = browser.send("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, scale=1)
    pdf = base64.b64decode(printed["data"])
    assert pdf[:5] == b"%PDF-"
    assert 3 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 60
    # As wide as the paper's 210 mm less margins: nothing is cut on the right.
    browser.send("Emulation.setEmulatedMedia", media="print")
    browser.open(report[0].as_uri(), 718)
    wide, window = browser.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    cut = browser.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(b => b.scrollWidth > b.clientWidth + 1)"
        ".map(b => [b.scrollWidth, b.clientWidth])"
    )
    browser.send("Emulation.setEmulatedMedia", media="")
    assert wide <= window
    assert cut == []


def test_the_answer_is_on_the_first_screen(browser, report):
    browser.open(report[0].as_uri(), 1280, 800)
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
    browser.open(report[0].as_uri(), 360)
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
