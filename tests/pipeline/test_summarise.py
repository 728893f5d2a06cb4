import json
from types import MappingProxyType

import pandas as pd
import pytest

from features.hashes import hash_of_file
from features.task import Task
from models.recogniser import WEIGHTS
from models.settings import EvaluateSettings
from pipeline import summarise
from pipeline.params import Params
from reports.numbers.run_file import modalities_seen
from reports.numbers.schema import GAPS, GROUP_SCORES, SIGNIFICANCE
from reports.papers.registry import claims_of
from tests.helpers import result_files
from tests.helpers.drawn_results import Run

LLD = {"modality": "audio", "extractor": "opensmile"}
STREAMS = {"fc6": {"modality": "video", "extractor": "vggface"}, "lld": LLD}
EMOTIONS = Task(kind="classification", level="sequence", outputs=("happy", "sad"))
MODELS = {"plain": {}, "better": {}}


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Run the stage on result files in a folder, up to the reports."""

    def run(models, train=(), streams=STREAMS, latency=MappingProxyType({}), **evaluate):
        sections = {"streams": streams, "train": dict(train), "evaluate": evaluate}
        both = {"sees": ["lld", "fc6"]}
        models = {name: both | model for name, model in models.items()}
        params = Params.model_validate(sections | {"models": models})
        task = Task()
        monkeypatch.setattr(summarise, "RESULTS", tmp_path)
        monkeypatch.setattr(summarise, "load_params", lambda: params)
        monkeypatch.setattr(summarise, "read_task", lambda: task)
        monkeypatch.setattr(summarise, "read_items", list)
        sizes = dict.fromkeys(models, 10)
        monkeypatch.setattr(summarise, "parameters_of", lambda *_: sizes)
        nobody = [pd.DataFrame(columns=list(schema)) for schema in (GROUP_SCORES, GAPS)]
        monkeypatch.setattr(summarise, "scores_by_group", lambda *_: nobody)
        monkeypatch.setattr(summarise, "MODELS", tmp_path)
        monkeypatch.setattr(summarise, "LATENCY", tmp_path)
        chosen = {"speakers": 0, "needs": {}, "seeds": {}}
        asked = []

        def choose(*arguments):
            asked.append(arguments)
            return chosen

        monkeypatch.setattr(summarise, "choose", choose)
        nobody = tuple(pd.DataFrame(columns=list(schema)) for schema in (GROUP_SCORES, GAPS))
        monkeypatch.setattr(summarise, "scores_by_group", lambda *_: nobody)
        built = []
        monkeypatch.setattr(summarise, "build_report", lambda *arguments: built.append(arguments))
        summarise.main()
        assert built == [(tmp_path, list(models), params.train.seeds, latency)]
        assert asked == [(tmp_path, list(models), task, sizes)]
        assert json.loads((tmp_path / "choice.json").read_text()) == chosen
        tests = pd.read_csv(tmp_path / "significance.csv", keep_default_na=False)
        return json.loads((tmp_path / "run.json").read_text()), tests

    return run


@pytest.mark.parametrize("reference", [None, "better", {"better": ["plain"]}])
def test_models_are_tested_against_whom_the_settings_name(tmp_path, stage, reference):
    Run(tmp_path, models=list(MODELS))
    described, tests = stage(MODELS, reference=reference)
    assert described["reference"] == reference
    rivals = EvaluateSettings(reference=reference).rivals(MODELS)
    pairs = {(model, rival) for model, names in rivals.items() for rival in names}
    assert set(zip(tests["model"], tests["reference"], strict=True)) == pairs
    assert list(tests) == list(SIGNIFICANCE)


def test_of_one_model_there_is_only_the_header(stage):
    _, tests = stage({"plain": {}})
    assert tests.empty
    assert list(tests) == list(SIGNIFICANCE)


def test_the_run_says_what_was_lost(stage):
    grid = {"strategy": "burst", "modality": ["both"], "p": [0.5], "burst": [15.0, 30.0]}
    described, _ = stage({"plain": {}}, conditions=[grid], natural=True)
    rest = {"fill": "none", "unit": "window", "drawn": "anew"}
    assert described["conditions"] == [grid | rest]
    assert described["natural"] is True


def test_measured_times_of_the_present_weights_go_to_the_page(stage, tmp_path):
    found = {}
    for name, weights in (("plain", "trained"), ("better", "trained again")):
        (tmp_path / name / "seed-0").mkdir(parents=True)
        file = tmp_path / name / "seed-0" / WEIGHTS
        file.write_text("trained")
        found[name] = {"seed": 0, "weights": hash_of_file(file)}
        file.write_text(weights)
        (tmp_path / f"{name}.json").write_text(json.dumps(found[name]))
    Run(tmp_path, models=list(MODELS))
    stage(MODELS, latency={"plain": found["plain"]})


def test_a_stream_says_whether_its_weights_are_random(stage):
    streams = {"faces": {"modality": "video", "extractor": "vggface"}, "lld": LLD}
    described, _ = stage({"plain": {"sees": ["faces", "lld"]}}, streams=streams)
    assert described["streams"]["faces"]["random_weights"] is True
    assert described["streams"]["faces"]["input_size"] == 96
    assert "random_weights" not in described["streams"]["lld"]
    assert described["models"]["plain"]["sees"] == ["faces", "lld"]


def test_a_model_is_described_by_what_its_settings_come_to(stage, tmp_path):
    models = {
        "plain": {"size": {"dim": 8}},
        "auxformer": {"network": "auxformer", "preset": "goncalves2022", "train": {"average": 0.9}},
    }
    Run(tmp_path, models=list(models))
    described, _ = stage(models, train={"network": {"dim": 16, "heads": 2}, "epochs": 3})
    assert "network" not in described
    plain, auxformer = described["models"]["plain"], described["models"]["auxformer"]
    assert (plain["size"]["dim"], plain["size"]["heads"], plain["train"]["epochs"]) == (8, 2, 3)
    assert (auxformer["size"]["dim"], auxformer["size"]["heads"], auxformer["train"]["epochs"]) == (
        130,
        10,
        25,
    )
    assert (plain["train"]["average"], auxformer["train"]["average"]) == (None, 0.9)
    assert plain["options"] == {"auxiliary": 0.0, "alone": "fused"}
    assert auxformer["options"]["positions"] is True
    assert not {"seeds", "network"} & set(auxformer["train"])  # of the run; in size


def test_the_fixture_of_the_reports_describes_models_as_the_stage_does(stage):
    described, _ = stage({"baseline": {}})
    written, planted = described["models"]["baseline"], result_files.settings("baseline")
    assert set(written) == set(planted)
    for name in ("size", "options"):
        assert set(written[name]) == set(planted[name])
    for name in ("train", "ablation"):
        assert set(planted[name]) <= set(written[name])


IA = {"network": "fusion", "preset": "chumachenko2022"}
SOFT = {"ablation": {"strategy": "modality_dropout", "fill": "soft"}}
NOISE = {"ablation": {"strategy": "modality_dropout", "fill": "noise"}}
HARD = {"ablation": {"strategy": "modality_dropout", "fill": "hard"}}
PICTURE = {"network": "auxformer", "sees": ["fc6"]}
AUX = {"network": "auxformer", "ablation": {"strategy": "optimized"}}


@pytest.mark.parametrize(
    ("model", "claimed"),
    [
        (AUX | {"preset": "goncalves2022"}, ["AuxFormer, optimized training"]),
        (AUX, ["AuxFormer, optimized training"]),  # of another size
        (AUX | {"options": {"auxiliary": False}}, ["baseline 1, optimized training"]),
        (AUX | {"options": {"temporal": "lstm"}}, []),
        (AUX | {"train": {"average": 0.98}}, []),
        (AUX | {"presence": "marked"}, []),
        ({"network": "mult", "preset": "goncalves2022"}, ["baseline 2, standard training"]),
        ({}, ["baseline 3, standard training"]),
        ({"options": {"auxiliary": 0.3}}, []),
        (IA, ["IA1"]),
        (IA | {"size": {"heads": 4}}, ["IA4"]),
        (IA | {"size": {"heads": 2}}, []),
        (IA | {"preset": None}, ["IA4"]),  # the heads of `train.network`
        (IA | SOFT, ["IA1, modality dropout"]),
        (IA | NOISE, ["IA1, modality dropout with noise"]),
        (IA | HARD, []),  # the paper scales too
        (IA | SOFT | {"options": {"kind": "it"}}, ["IT1, modality dropout"]),
        (IA | {"options": {"kind": "tva"}}, ["TVA"]),
        (PICTURE, ["baseline 4, picture only"]),
        (PICTURE | {"options": {"auxiliary": False}}, []),
    ],
)
def test_a_model_stands_beside_the_papers_that_have_it(stage, model, claimed):
    described, _ = stage({"tried": model})
    settings, seen = described["models"]["tried"], modalities_seen(described, "tried")
    rows = [row for claims in claims_of(EMOTIONS).values() for _, row in claims]
    # Some have a row for each of several conditions.
    assert list(dict.fromkeys(row.model for row in rows if row.is_of(settings, seen))) == claimed


def test_a_missing_table_is_reported_in_one_sentence(stage, capsys):
    with pytest.raises(SystemExit):
        stage(MODELS, reference="plain")
    assert "evaluation/plain.csv is missing" in capsys.readouterr().err
