"""The whole report: its files, its words, and that a rebuild changes no byte."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import result_files
from result_files import MODELS, SEEDS

from reports import build

TWO = MODELS[:2]
NOTE = "<!-- synthetic demo corpus · random fc6 weights, not VGG-Face -->"  # above its glyphs


def files(folder):
    written = ("index.html", "metrics.json", "metrics/*", "plots/*", "figures/*")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for pattern in written
        for path in folder.glob(pattern)
    }


class References(HTMLParser):
    """Collects tags, and every address that a browser might load."""

    def __init__(self):
        super().__init__()
        self.tags, self.addresses, self.images = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in {"src", "href", "srcset", "data"}]
        if tag == "img":
            self.images.append(dict(attributes))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = result_files.write(tmp_path_factory.mktemp("results"))
    build(folder, MODELS, SEEDS)
    return folder


@pytest.fixture
def small(tmp_path):
    """The result files of two models, not yet reported."""
    return result_files.write(tmp_path, TWO)


def test_writes_every_file_and_the_same_bytes_again(report):
    first = files(report)
    panels = {
        f"plots/{modality}_{strategy}_{target}.csv"
        for modality in ("audio", "video")
        for strategy in ("clip_zero", "frame_zero", "frame_repeat")
        for target in ("valence", "arousal")
    }
    named = ("audio_ablated", "video_ablated", "learning_curves", "videos", "trace_1")
    assert panels | {f"figures/{name}.svg" for name in named} <= first.keys()
    assert all(len(data) < 300_000 for name, data in first.items() if name.endswith(".svg"))
    build(report, MODELS, SEEDS)
    assert files(report) == first


def test_metrics_are_nested_and_one_file_a_model(report):
    metrics = json.loads((report / "metrics.json").read_text())
    assert list(metrics) == list(MODELS)
    for model, numbers in metrics.items():
        assert list(numbers) == ["valence", "arousal"]
        assert set(numbers["valence"]) == {"intact", "video_gone", "audio_gone", "mean"}
        assert json.loads((report / "metrics" / f"{model}.json").read_text()) == numbers
    assert metrics["baseline"]["valence"]["intact"] == pytest.approx(0.41)  # as the fixture has it
    assert metrics["baseline"]["valence"]["video_gone"] == pytest.approx(0.01)


def test_plots_are_long_tables(report):
    panel = pd.read_csv(report / "plots" / "video_clip_zero_valence.csv")
    assert list(panel) == ["p", "ccc", "sd", "n", "model"]
    assert len(panel) == 5 * len(MODELS)
    trace = pd.read_csv(report / "plots" / "trace_arousal.csv")
    assert set(trace["model"]) == {"annotated", *MODELS}


def test_the_page_holds_all_it_needs(report):
    html = (report / "index.html").read_text(encoding="utf-8")
    parser = References()
    parser.feed(html)
    assert parser.addresses
    assert all(address.startswith("data:") for address in parser.addresses)
    assert "script" not in parser.tags
    assert not re.search(r"url\(|@import", html)
    assert all(len(image["alt"]) > 40 for image in parser.images)
    assert parser.tags.count("figure") == parser.tags.count("figcaption") == len(parser.images) == 7


def test_the_page_says_what_the_run_is(report):
    html = " ".join((report / "index.html").read_text(encoding="utf-8").split())
    for text in (
        "Random weights (seed 0), not trained VGG-Face.",
        "Synthetic demo corpus.",
        "16 items; 2.1 minutes; 8 speakers: 5 train, 1 validation, 2 test",
        "3 seeds (0, 1, 2)",
        "all 960 valid frames of the test split",
        "not comparable in value",
    ):
        assert text in html


def test_every_figure_says_what_the_run_is(report):
    drawings = list((report / "figures").iterdir())
    assert len(drawings) == 7
    for path in drawings:
        assert NOTE in path.read_text(encoding="utf-8")


def test_real_weights_and_a_real_corpus_raise_no_banner(small):
    run = json.loads((small / "run.json").read_text())
    run["corpus"] = {"name": "Aff-Wild2", "synthetic": False}
    run["fc6"] = {"weights": "somewhere/vgg16.h5", "sha256": "0123456789abcdef"}
    (small / "run.json").write_text(json.dumps(run))
    build(small, TWO, SEEDS)
    html = (small / "index.html").read_text(encoding="utf-8")
    assert 'class="banner"' not in html
    assert "weights vgg16.h5 (sha256 0123456789ab…)" in html
    for path in (small / "figures").iterdir():
        drawing = path.read_text(encoding="utf-8")
        assert "synthetic" not in drawing
        assert "random" not in drawing


def test_a_dropped_model_leaves_nothing_behind(small):
    build(small, TWO, SEEDS)
    build(small, TWO[:1], SEEDS)
    assert [path.stem for path in (small / "metrics").iterdir()] == [TWO[0]]
    assert TWO[1] not in (small / "plots" / "training.csv").read_text()


def test_a_model_without_some_conditions_is_shown_with_dashes(small):
    path = small / "evaluation" / "clip_zero.csv"
    table = pd.read_csv(path)
    table[(table["modality"] == "audio") & (table["p"] < 1)].to_csv(path, index=False)
    build(small, TWO, SEEDS)
    metrics = json.loads((small / "metrics.json").read_text())
    assert set(metrics["clip_zero"]["valence"]) == {"intact"}
    assert "<td>–</td>" in (small / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("count", [1, 20])
def test_any_number_of_models(tmp_path, count):
    models = [f"model_{i}" for i in range(count)]
    result_files.write(tmp_path, models, [5], seconds=3)
    build(tmp_path, models, [5])
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert html.count("_<wbr>") == 4 * count  # two tables, two targets
