"""The papers' numbers and those of a run beside each other."""

import json
import re

import pandas as pd

from reports.numbers.results import load_results
from reports.numbers.summary import summarise
from reports.papers import chumachenko2022, goncalves2022, parthasarathy2020, parthasarathy2021
from reports.papers.chumachenko2022 import RAVDESS
from reports.papers.goncalves2022 import EMOTIONS
from reports.papers.parthasarathy2020 import AFF_WILD2
from reports.tables.papers import papers_tables
from tests.helpers import result_files


def rows(folder, models, seeds):
    results = load_results(folder, models, seeds)
    html = papers_tables(results, summarise(results))
    found = re.findall("<tr>(.*?)</tr>", html[html.index("<tbody>") :])
    return html, [re.sub("(<[^>]*>)+", "|", row).strip("|") for row in found]


def test_our_numbers_stand_beside_the_same_condition_and_a_dash_where_there_is_none(tmp_path):
    models = ("baseline", "frame_zero", "video_only")
    html, found = rows(result_files.write(tmp_path, models, [0]), models, [0])
    assert len(found) == sum(
        len(paper.CLAIMS[AFF_WILD2]) for paper in (parthasarathy2020, parthasarathy2021)
    )
    assert found[0] == "P|baseline|Intact|0.393|0.522|baseline|0.400|0.520"
    assert found[1].startswith(
        "P|baseline|Picture lost, Frame-Zero, p = 0.95|0.113|0.235|baseline|"
    )
    assert found[3] == "P|video only|Intact|0.381|0.489|video_only|0.400|0.520"
    assert found[4] == "P|audio only|Intact|−0.060|0.284|–|–|–"
    words = " ".join(html.split())
    assert "of another corpus than this run's: not comparable in value" in words
    assert "Its size may differ" in words


def test_noise_stands_beside_noise_and_nothing_beside_nothing(tmp_path):
    models = ("dropped", "noised")
    folder = result_files.write(tmp_path, models, [0], task=result_files.EMOTIONS, further=True)
    run = json.loads((folder / "run.json").read_text())
    for model, fill in zip(models, ("soft", "noise"), strict=True):
        settings = run["models"][model]
        settings |= {"network": "fusion", "options": {"kind": "ia", "dense": False}}
        settings["size"]["heads"] = 1
        settings["ablation"] |= {"strategy": "modality_dropout", "fill": fill}
        path = folder / "evaluation" / f"{model}.csv"
        table = pd.read_csv(path)
        values = {"clip_zero": 0.25, "noise": 0.75}
        gone = (table["p"] == 1) & table["strategy"].isin(list(values))
        table.loc[gone, "accuracy"] = table["strategy"].map(values)
        table.loc[table["p"] == 0, "accuracy"] = 0.5
        table.to_csv(path, index=False)
    (folder / "run.json").write_text(json.dumps(run))
    _, found = rows(folder, models, [0])
    assert (
        "C|IA1, modality dropout|The other modality gone|0.816|0.581|0.728|0.708"
        "|dropped|0.500|0.250|0.250|0.333"
    ) in found
    assert (
        "C|IA1, modality dropout with noise|The other modality noise|0.782|0.583|0.717|0.694"
        "|noised|0.500|0.750|0.750|0.667"
    ) in found


def test_a_modality_gone_stands_beside_the_same_loss(tmp_path):
    models = ("baseline",)
    folder = result_files.write(tmp_path, models, [0], task=result_files.EMOTIONS)
    run = json.loads((folder / "run.json").read_text())
    run["models"]["baseline"]["ablation"]["strategy"] = "optimized"
    (folder / "run.json").write_text(json.dumps(run))
    path = folder / "evaluation" / "baseline.csv"
    table = pd.read_csv(path)
    gone = (table["p"] == 1) & (table["strategy"] == "clip_zero")
    for modality, micro, macro in (("audio", 0.625, 0.5), ("video", 0.25, 0.125)):
        table.loc[gone & (table["modality"] == modality), ["micro_f1", "macro_f1"]] = micro, macro
    table.to_csv(path, index=False)
    _, found = rows(folder, models, [0])
    start = "G|baseline 3, optimized training"
    picture = f"{start}|Sound lost, Clip-Zero, p = 1|0.552|0.541|0.714|0.622|baseline"
    sound = f"{start}|Picture lost, Clip-Zero, p = 1|0.327|0.244|0.511|0.378|baseline"
    assert f"{picture}|0.625|0.500" in found
    assert f"{sound}|0.250|0.125" in found


def test_sentiment_has_a_table_for_each_metric(tmp_path):
    models = ("baseline",)
    folder = result_files.write(tmp_path, models, [0], task=result_files.SENTIMENT)
    run = json.loads((folder / "run.json").read_text())
    run["models"]["baseline"] |= {"network": "mult", "options": {}}
    (folder / "run.json").write_text(json.dumps(run))
    path = folder / "evaluation" / "baseline.csv"
    table = pd.read_csv(path)
    for modality, accuracy, error in (("audio", 0.5, 0.75), ("video", 0.25, 1.5)):
        lost = (table["modality"] == modality) & (table["strategy"] == "clip_zero")
        table.loc[lost & (table["p"] == 1), ["binary_accuracy", "mae"]] = accuracy, error
    table.loc[table["p"] == 0, ["binary_accuracy", "mae"]] = 0.75, 0.5
    table.to_csv(path, index=False)
    _, found = rows(folder, models, [0])
    start = "C|MULT of Table III|The other modality gone"
    assert f"{start}|0.677|0.569|0.607|0.618|baseline|0.750|0.250|0.500|0.500" in found
    assert f"{start}|0.787|0.838|0.836|0.821|baseline|0.500|1.500|0.750|0.917" in found
    assert any(row.startswith("C|LT1|") and row.endswith("|–|–|–|–|–") for row in found)


def test_other_tasks_have_the_numbers_of_their_papers_or_none(tmp_path):
    models = ("baseline",)
    folder = result_files.write(tmp_path / "a", models, [0], task=result_files.EMOTIONS)
    html, found = rows(folder, models, [0])
    count = len(goncalves2022.CLAIMS[EMOTIONS]) + len(chumachenko2022.CLAIMS[RAVDESS])
    assert len(found) > count  # and a second head
    assert any(
        re.match(r"G\|baseline 3, standard training\|Intact\|0.624\|.*\|baseline\|", row)
        for row in found
    )
    assert "Aff-Wild2" not in html
    folder = result_files.write(tmp_path / "b", models, [0], task=result_files.DIMENSIONS)
    results = load_results(folder, models, [0])
    assert papers_tables(results, summarise(results)) == ""
