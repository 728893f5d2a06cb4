"""The whole report: its files, its words, and that a rebuild changes no byte."""

import json
import math
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from reports import build
from reports.build import build_report
from reports.numbers.results import load_results
from reports.page.pictures import Illustration
from tests.helpers import result_files
from tests.helpers.result_files import MODELS, SEEDS

TWO = MODELS[:2]
NOTE = ">synthetic corpus demo · fc6 from random weights</text>"


def files(folder):
    written = ("index.html", "metrics.json", "metrics/*", "plots/*", "figures/*", "tables/*")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for pattern in written
        for path in folder.glob(pattern)
    }


def section(html, heading):
    """The section with a heading, up to the next one."""
    start = html.index(f"<h2>{heading}</h2>", html.index("</nav>"))
    return html[start : html.index("</section>", start)]


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
    build_report(folder, MODELS, SEEDS)
    return folder


@pytest.fixture
def blank(monkeypatch):
    """Figures have their words, but nothing is drawn."""

    def save(folder, drawn, note):
        folder.mkdir()
        return {
            heading: [_blank(folder / f"{d.name}.svg", d) for d in figures]
            for heading, figures in drawn.items()
        }

    monkeypatch.setattr(build, "save_drawings", save)


def _blank(path, drawing):
    path.write_text("<svg></svg>")
    return Illustration(path, drawing.alt, drawing.caption)


@pytest.fixture
def small(tmp_path, blank):
    """The result files of two models, not yet reported."""
    return result_files.write(tmp_path, TWO)


def test_writes_every_file_and_the_same_bytes_again(report):
    first = files(report)
    panels = {
        f"plots/{modality}_{strategy}.csv"
        for modality in ("audio", "video")
        for strategy in ("clip_zero", "frame_zero", "frame_repeat")
    }
    panels |= {f"plots/{name}.csv" for name in ("training", "videos", "trace")}
    named = ("audio_lost", "video_lost", "learning_curves", "recordings", "traces", "forest")
    assert panels | {f"figures/{name}.svg" for name in named} <= first.keys()
    assert all(len(data) < 300_000 for name, data in first.items() if name.endswith(".svg"))
    build_report(report, MODELS, SEEDS)
    assert files(report) == first


def test_metrics_are_nested_and_one_file_a_model(report):
    metrics = json.loads((report / "metrics.json").read_text())
    assert list(metrics) == list(MODELS)
    for model, numbers in metrics.items():
        assert list(numbers) == ["valence", "arousal", "mean"]
        headlines = {"intact", "video_gone", "audio_gone", "mean", "worst_drop"}
        assert set(numbers["valence"]) == headlines | {"pearson", "rmse"}
        assert set(numbers["mean"]) == headlines
        shown = json.loads((report / "metrics" / f"{model}.json").read_text())
        assert sum(map(len, shown.values())) == 8
        assert {target: set(names) for target, names in shown.items()} == {
            "valence": headlines - {"worst_drop"},
            "arousal": headlines - {"worst_drop"},
        }
        assert shown["valence"]["mean"] == numbers["valence"]["mean"]
    assert metrics["baseline"]["valence"]["intact"] == pytest.approx(0.41)  # as the fixture has it
    assert metrics["baseline"]["valence"]["video_gone"] == pytest.approx(0.01)


def test_plots_are_long_tables(report):
    panel = pd.read_csv(report / "plots" / "video_clip_zero.csv")
    assert list(panel) == ["p", "value", "sd", "n", "target", "model"]
    assert len(panel) == 5 * 2 * len(MODELS)
    training = pd.read_csv(report / "plots" / "training.csv")
    assert list(training) == ["epoch", "train_loss", "heldout", "seed", "model"]
    videos = pd.read_csv(report / "plots" / "videos.csv")
    assert list(videos) == ["item", "value", "target", "model"]
    assert len(videos) == len(result_files.ITEMS) * 2 * len(MODELS)
    trace = pd.read_csv(report / "plots" / "trace.csv")
    assert list(trace) == ["time", "value", "target", "model"]
    assert set(trace["model"]) == {"annotated", *MODELS}
    assert set(trace["target"]) == {"valence", "arousal"}


def test_the_page_holds_all_it_needs(report):
    html = (report / "index.html").read_text(encoding="utf-8")
    parser = References()
    parser.feed(html)
    beside = {address for address in parser.addresses if address[:5] != "data:"}
    anchors = {address for address in beside if address.startswith("#")}
    assert anchors
    assert all(f'id="{anchor[1:]}"' in html for anchor in anchors)
    assert {"tables/named.csv", "tables/conditions.csv", "significance.csv"} <= beside
    assert all((report / file).is_file() for file in beside - anchors)
    assert len(html.encode()) < 1_000_000
    assert "script" not in parser.tags
    assert not re.search(r"url\(|@import", html)
    assert all(len(image["alt"]) > 40 for image in parser.images)
    assert (
        parser.tags.count("figure")
        == parser.tags.count("figcaption")
        == len(parser.images) + 1
        == 9
    )


TASKS = {
    "emotions": (
        result_files.EMOTIONS,
        {"confusion"},
        ("Mean of the classes’ F1 scores (macro F1) over all 960 labelled sequences",),
        ("Micro F1", "Accuracy", "Cross-entropy"),
    ),
    "sentiment": (
        result_files.SENTIMENT,
        {"scatter_1"},
        ("Pearson correlation over all 960 labelled sequences", "20 sequences"),
        ("MAE", "Binary accuracy"),
    ),
    "dimensions": (
        result_files.DIMENSIONS,
        {"scatter_1", "scatter_2", "scatter_3"},
        ("(CCC) over all 960 labelled sequences", "mean of valence, arousal and dominance"),
        ("Pearson correlation", "RMSE"),
    ),
}


@pytest.mark.parametrize(("task", "figures", "words", "columns"), TASKS.values(), ids=TASKS)
def test_sequences_are_reported_by_their_task(tmp_path, task, figures, words, columns):
    result_files.write(tmp_path, TWO, task=task)
    build_report(tmp_path, TWO, SEEDS)
    written = files(tmp_path)
    drawn = {"audio_lost", "video_lost", "learning_curves", "risks", "forest", "speakers"}
    drawn |= figures
    assert {name for name in written if name.startswith("figures/")} == {
        f"figures/{name}.svg" for name in drawn
    }
    for name in drawn:
        assert NOTE.encode() in written[f"figures/{name}.svg"]
    assert written["plots/videos.csv"] == b"item,value,target,model\n"
    assert written["plots/trace.csv"] == b"time,value,target,model\n"

    html = " ".join(written["index.html"].decode().split())
    parser = References()
    parser.feed(html)
    assert parser.tags.count("figure") == parser.tags.count("figcaption") == len(drawn) + 1
    assert all(len(image["alt"]) > 40 for image in parser.images)
    for text in words:
        assert text in html
    for text in ("The paper's Figure", "By recording", "Over time"):
        assert text not in html
    assert ("Accuracy on RAVDESS" in html) == (task["kind"] == "classification")
    assert "Aff-Wild2" not in html
    header = "".join(f'<th scope="col" class="start">{column}</th>' for column in columns)
    assert f"{header}</tr></thead>" in html
    metrics = json.loads(written["metrics.json"])
    target, *others = result_files.targets(task)
    assert list(metrics["baseline"]) == [target, *others, *["mean"] * bool(others)]
    assert set(task["metrics"][1:]) < set(metrics["baseline"][target])
    assert metrics["baseline"][target]["intact"] == pytest.approx(0.41)  # as the fixture has it
    shown = json.loads(written["metrics/baseline.json"])
    assert list(shown) == (["mean"] if len(others) > 1 else [target])
    assert sum(map(len, shown.values())) == 4


def test_classes_of_frames_are_reported_by_recording(tmp_path, blank):
    classes = result_files.task("classification", "frame", *result_files.CLASSES)
    result_files.write(tmp_path, TWO, task=classes)
    (tmp_path / "traces" / "baseline.csv").unlink()
    build_report(tmp_path, TWO, SEEDS)
    html = " ".join((tmp_path / "index.html").read_text("utf-8").split())
    assert "(macro F1) over all 960 valid frames" in html
    assert "Expected calibration error" in html
    assert (tmp_path / "figures/recordings.svg").exists()
    assert "Over time" not in html


def test_a_task_of_one_target_and_the_confusion_in_words(tmp_path):
    emotions = result_files.write(tmp_path / "emotions", TWO, task=result_files.EMOTIONS)
    table = pd.read_csv(emotions / "videos" / "baseline.csv")
    right = table["annotated"] == table["predicted"]
    share = right[table["annotated"] == "anger"].mean()
    build_report(emotions, TWO, SEEDS)
    assert f"baseline: anger {share:.2f}, disgust" in (emotions / "index.html").read_text("utf-8")

    engagement = result_files.task("regression", "frame", "engagement & <joy>")
    one = result_files.write(tmp_path / "one", TWO, seconds=3, task=engagement)
    build_report(one, TWO, SEEDS)
    html = (one / "index.html").read_text(encoding="utf-8")
    assert "<span>Engagement &amp; &lt;joy&gt;</span>" in html
    assert "<joy>" not in html
    assert (one / "figures" / "traces.svg").exists()


def test_an_undefined_metric_is_a_dash_and_no_dot(small):
    path = small / "evaluation" / "clip_zero.csv"
    table = pd.read_csv(path)
    table.assign(pearson=float("nan")).to_csv(path, index=False)
    path = small / "videos" / "clip_zero.csv"
    videos = pd.read_csv(path)
    videos.loc[videos["item"] == result_files.ITEMS[0], "ccc"] = float("nan")
    videos.to_csv(path, index=False)
    build_report(small, TWO, SEEDS)
    html = (small / "index.html").read_text(encoding="utf-8")
    metrics = section(html, "Other metrics, intact input")
    assert metrics.count('<td class="start">–</td>') == 2  # Pearson correlation, two targets
    dots = pd.read_csv(small / "plots" / "videos.csv")
    assert len(dots) == (2 * len(result_files.ITEMS) - 1) * 2


def test_a_model_without_any_number_has_a_file_for_dvc(small):
    path = small / "evaluation" / "clip_zero.csv"
    table = pd.read_csv(path)
    table.assign(**dict.fromkeys(("ccc", "pearson", "rmse"), math.nan)).to_csv(path, index=False)
    build_report(small, TWO, SEEDS)
    assert json.loads((small / "metrics" / "clip_zero.json").read_text()) == {}
    assert json.loads((small / "metrics.json").read_text())["clip_zero"] == {}


def test_the_page_says_by_what_the_epoch_was_chosen(small):
    run = json.loads((small / "run.json").read_text())
    (small / "run.json").write_text(json.dumps(run | {"heldout": "validation"}))
    build_report(small, TWO, SEEDS)
    html = (small / "index.html").read_text(encoding="utf-8")
    assert "CCC on the validation split, mean of" in html
    assert "held-out part" not in html


def test_features_of_the_corpus_are_not_called_ours(small):
    run = json.loads((small / "run.json").read_text())
    run["corpus"]["name"] = "simulated"
    streams = {
        "fc6": {"modality": "video", "extractor": "given", "of": "picture"},
        "lld": {"modality": "audio", "extractor": "given", "of": "sound"},
    }
    (small / "run.json").write_text(json.dumps(run | {"streams": streams}))
    build_report(small, TWO, SEEDS)
    html = (small / "index.html").read_text(encoding="utf-8")
    assert "Features as the corpus gives them." in html
    assert "VGG-" not in html  # a model of a paper is called VGGFace-RNN
    assert "<b>Synthetic corpus simulated.</b>" in html
    assert "demo" not in html


def test_the_page_says_what_the_run_is(report):
    html = " ".join((report / "index.html").read_text(encoding="utf-8").split())
    for text in (
        "<b>Synthetic corpus demo; fc6 (seed 0) from random weights.</b>",
        "fc6 (video): VGG-Face",
        ", random weights (seed 0), not trained; lld (audio): ",
        "16 items; 2.1 minutes; 8 speakers: 5 train, 1 validation, 2 test",
        "3 seeds (0, 1, 2)",
        "Concordance correlation coefficient (CCC) over all 960 valid frames of the test split",
        "The highest mean of each column and target is bold",
        "CCC on the held-out part of the training split, mean of valence and arousal",
        "Figure 3, redrawn for this run",
        '<th scope="col" class="start">Pearson correlation</th>'
        '<th scope="col" class="start">RMSE</th></tr></thead>',
        "not comparable in value",
    ):
        assert text in html


def test_every_figure_says_what_the_run_is(report):
    drawings = list((report / "figures").iterdir())
    assert len(drawings) == 8
    for path in drawings:
        assert NOTE in path.read_text(encoding="utf-8")


def test_real_weights_and_a_real_corpus_raise_no_banner(small):
    run = json.loads((small / "run.json").read_text())
    run["corpus"] = {"name": "Aff-Wild2", "synthetic": False}
    run["streams"]["fc6"] |= {"weights": "somewhere/vgg16.h5", "sha256": "0123456789abcdef"}
    del run["streams"]["fc6"]["random_weights"]
    (small / "run.json").write_text(json.dumps(run))
    build_report(small, TWO, SEEDS)
    html = (small / "index.html").read_text(encoding="utf-8")
    assert 'class="caveat"' not in html
    assert "weights vgg16.h5 (sha256 0123456789ab…)" in html
    assert load_results(small, TWO, SEEDS).note == ""


def test_costs_stand_beside_the_area_and_measured_times_where_there_are_any(small):
    build_report(small, TWO, SEEDS)
    costs = section((small / "index.html").read_text(), "What a model costs")
    assert "a clip of 4 s (25 steps of sound and 25 of picture a second)" in costs
    assert [cells(row)[1:] for row in rows(costs)] == [["2,000", "0.10"], ["1,000", "0.05"]]
    assert "pipeline.latency CLIP" in costs
    measured = {
        "machine": "<m>",
        "processor": "x86_64",
        "device": "cpu",
        "date": "2026-01-01 00:00 UTC",
        "ms_per_frame": {"p50": 0.5, "p95": 0.75},
        "real_time_factor": {"reading": 0.25, "network": 0.125},
    }
    build_report(small, TWO, SEEDS, {TWO[1]: measured})
    costs = section((small / "index.html").read_text(), "What a model costs")
    assert "&lt;m&gt; (x86_64, cpu), 2026-01-01" in costs
    times = [cells(row)[3:] for row in rows(costs)]
    assert times == [["0.50", "0.75", "0.38"], ["–"] * 3]


def rows(html):
    """The rows of the body of a table."""
    return re.findall(r"<tr>.*?</tr>", html[html.index("<tbody>") :])


def cells(row):
    """What stands in the cells of a row."""
    return re.findall(r"<td[^>]*>(.*?)</td>", row)


def test_the_ranking_is_marked_and_the_forest_has_the_intervals(report):
    html = (report / "index.html").read_text(encoding="utf-8")
    ranking = section(html, "Ranking")
    assert "Marks are of tests against <b>baseline</b>, the reference." in ranking
    row = ranking[ranking.index("frame_<wbr>repeat") :].partition("</tr>")[0]
    marked = re.findall("<td.*?</td>", row)
    assert ["†" in cell for cell in marked] == [True, True, False, True, True]  # not the worst drop
    assert "<sup>†</sup>" in marked[0]  # three seeds are too few for a star
    tests = section(html, "What the tests say")
    assert "of a bootstrap over 4 recordings" in tests
    assert "[0.015, 0.045]" in tests


def test_the_verdict_and_the_recommended_models_come_before_the_contents(tmp_path, blank):
    folder = result_files.write(tmp_path, MODELS, [5], seconds=2)
    result_files.choose(folder, robust="clip_zero", intact=None, smallest="audio_only")
    build_report(folder, MODELS, [5])
    html = (folder / "index.html").read_text(encoding="utf-8")
    head = html[: html.index("<nav")]
    assert "<b>clip_<wbr>zero</b> keeps most under loss: CCC 0." in head
    assert "without a picture it falls by 0.40 to 0.1" in head
    assert head.count("<dt ") == 3
    assert "none: baseline and x cannot be told apart" in head
    assert "1,000 parameters" in head
    assert head.count("--heat:") == 8 * len(MODELS)
    assert "n = 960 frames" in head


def test_a_dropped_model_leaves_nothing_behind(small):
    build_report(small, TWO, SEEDS)
    tests = small / "significance.csv"  # summarise writes it again
    pd.read_csv(tests).head(0).to_csv(tests, index=False)
    build_report(small, TWO[:1], SEEDS)
    assert [path.stem for path in (small / "metrics").iterdir()] == [TWO[0]]
    assert TWO[1] not in (small / "plots" / "training.csv").read_text()


def test_a_model_without_some_conditions_is_shown_with_dashes(small):
    path = small / "evaluation" / "clip_zero.csv"
    table = pd.read_csv(path)
    table[(table["modality"] == "audio") & (table["p"] < 1)].to_csv(path, index=False)
    build_report(small, TWO, SEEDS)
    metrics = json.loads((small / "metrics.json").read_text())
    assert set(metrics["clip_zero"]["valence"]) == {"intact", "pearson", "rmse"}
    assert "<td>–</td>" in (small / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("count", [1, 20])
def test_any_number_of_models(tmp_path, blank, count):
    models = [f"model_{i}" for i in range(count)]
    result_files.write(tmp_path, models, [5], seconds=3)
    build_report(tmp_path, models, [5])
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    names = ("Ranking", "Condition by condition", "Other metrics, intact input")
    found = [section(html, name).count("_<wbr>") for name in names]
    assert found == [3 * count, 6 * 2 * count, 2 * count]  # two targets, once their mean
    assert (f"{count - 5} others" in html) == (count > 5)
    assert (f"{count - 10} models more in the tables below" in html) == (count > 10)


def test_a_run_with_every_protocol_has_a_section_for_each(tmp_path, blank):
    result_files.write(tmp_path, TWO, range(5), seconds=2, further=True)
    build_report(tmp_path, TWO, range(5))
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    headings = re.findall("<h2>(.*?)</h2>", html)
    assert headings == [
        "Contents",
        "When a modality is lost",
        "Ranking",
        "Condition by condition",
        "What the tests say",
        "By speaker",
        "By recording",
        "Over time",
        "One modality alone",
        "What was missing in the recordings",
        "Filling lost frames in",
        "Trust in a number",
        "When a model may abstain",
        "What a model costs",
        "What the models are",
        "Learning curves",
        "Other metrics, intact input",
        "The papers&#x27; numbers",
        "Settings of this run",
    ]
    assert "in the mean of 41 conditions" in html
    assert "Picture, no face (120)" in section(html, "What was missing in the recordings")
    assert section(html, "Filling lost frames in").count("nearest one received") == 2
    assert "The other modality noise" in section(html, "One modality alone")
    assert "No verdict" not in html
    bursts = pd.read_csv(tmp_path / "plots" / "video_burst_5.csv")
    assert bursts["p"].unique().tolist() == [0.3, 0.6]


def test_a_run_without_the_papers_conditions_has_their_plots_without_rows(small):
    for model in TWO:
        path = small / "evaluation" / f"{model}.csv"
        table = pd.read_csv(path)
        kept = (table["strategy"] == "frame_zero") & (table["modality"] == "video")
        table[kept].assign(strategy="subclip", modality="both").to_csv(path, index=False)
    path = small / "significance.csv"
    pd.read_csv(path).head(0).to_csv(path, index=False)
    build_report(small, TWO, SEEDS)
    for modality in ("audio", "video"):
        for strategy in ("clip_zero", "frame_zero", "frame_repeat"):
            text = (small / "plots" / f"{modality}_{strategy}.csv").read_text()
            assert text == "p,value,sd,n,target,model\n"
    assert {path.stem for path in (small / "figures").glob("*_lost.svg")} == {"both_lost"}
    html = (small / "index.html").read_text(encoding="utf-8")
    assert "One modality alone" not in html
    assert "No model was tested against another" in html
    assert "What the tests say" not in html


def test_a_strategy_and_streams_of_a_user_are_drawn_by_their_names(small):
    name = "extensions.nowhere:vanish"
    for model in TWO:
        path = small / "evaluation" / f"{model}.csv"
        table = pd.read_csv(path)
        table.assign(strategy=table["strategy"].replace("frame_zero", name)).to_csv(
            path, index=False
        )
    run = json.loads((small / "run.json").read_text())
    run["streams"]["lips"] = {"modality": "video", "extractor": "extensions.nowhere:Lips"}
    run["models"][TWO[0]]["sees"] = ["lld", "lips"]
    (small / "run.json").write_text(json.dumps(run))
    build_report(small, TWO, SEEDS)
    html = (small / "index.html").read_text(encoding="utf-8")
    assert f"<summary>Picture lost: {name}</summary>" in html
    assert "lips (video): extensions.nowhere:Lips" in html
    assert "<b>baseline</b>" in section(html, "The papers&#x27; numbers")
    plot = pd.read_csv(small / "plots" / f"video_{name}.csv")
    assert len(plot) == 5 * 2 * len(TWO)


def test_the_papers_numbers_are_in_a_table_as_well(report):
    table = pd.read_csv(report / "tables" / "papers.csv")
    html = (report / "index.html").read_text(encoding="utf-8")
    assert '<a href="tables/papers.csv">' in html
    stated = table[table["model"].isna() & (table["condition"] == "Intact")]
    baseline = stated[(stated["its_model"] == "baseline") & (stated["of"] == "CCC on Aff-Wild2")]
    assert dict(zip(baseline["column"], baseline["value"], strict=True)) == {
        "Valence": 0.393,
        "Arousal": 0.522,
    }
    shown = json.loads((report / "metrics.json").read_text())["baseline"]["valence"]["intact"]
    ours = table[(table["model"] == "baseline") & (table["condition"] == "Intact")]
    values = ours.loc[ours["column"] == "valence", "value"]
    assert values.to_numpy() == pytest.approx(shown, abs=1e-4)
