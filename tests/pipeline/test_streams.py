"""Several streams of a modality side by side, one of them of an extractor of one's own."""

import json
import re
from collections.abc import Callable

import numpy as np
import pytest

from features.stores.streams import open_stream
from features.stores.windows import open_windows
from tests.helpers.entries import keys_in
from tests.helpers.project import Project

OWN = '''
"""The loudness of a sound, ten times a second."""

import numpy as np


class Energy:
    """Describes sound with its level, and with what it is told to add."""

    modality = "audio"

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def extract(self, source):
        samples, start = source.sound()
        hop = 1600
        blocks = samples[: len(samples) // hop * hop].reshape(-1, hop)
        rows = np.sqrt(np.square(blocks).mean(axis=1, keepdims=True)) + self.offset
        times = start + np.arange(len(rows)) / 10
        return rows.astype(np.float32), times, rows[:, 0] > 0.001 + self.offset


class Corners:
    """Describes face crops with their corners."""

    modality = "video"

    def extract(self, source):
        crops = np.concatenate(list(source.crops()))
        rows = crops[:, :2, :2].reshape(len(crops), -1).astype(np.float32)
        return rows, source.times, source.present
'''

STREAMS = {
    "lld130": {"modality": "audio", "extractor": "opensmile", "deltas": True},
    "energy": {
        "modality": "audio",
        "extractor": "extensions.energy:Energy",
        "options": {"offset": 1.0},
    },
    "corners": {"modality": "video", "extractor": "extensions.energy:Corners"},
    "both": {"modality": "video", "extractor": "joined", "of": ["fc6", "corners"]},
}
MODELS = {
    "baseline": {"network": "crossmodal", "sees": ["lld", "fc6"]},
    "wide": {"network": "crossmodal", "sees": ["lld130", "fc6"]},
    "joined": {"network": "crossmodal", "sees": ["energy", "both"]},
    "loud": {"network": "unimodal", "sees": ["energy"]},
}


def entries(project: Project, stage: str) -> set[str]:
    return keys_in(project.cache, stage)


def run(project: Project, command: str) -> str:
    return project.run("python", "-m", *f"pipeline.{command}".split())


@pytest.fixture(scope="module")
def project(make_project: Callable[[], Project]) -> Project:
    """The tiny demo with its two streams extracted; then more, and models that see them."""
    project = make_project()
    for command in ("keys", "corpus", "faces", "extract lld", "extract fc6"):
        run(project, command)
    (project.folder / "extensions/energy.py").write_text(OWN)
    project.params({"streams": STREAMS, "train": {"epochs": 1}})
    content = (project.folder / "params.yaml").read_text()
    models = json.dumps(MODELS)
    changed = re.sub(r"(?ms)^models:.*?(?=^\w)", f"models: {models}\n", content)
    (project.folder / "params.yaml").write_text(changed)
    run(project, "keys")
    return project


def test_what_was_there_is_not_extracted_again(project: Project) -> None:
    before = entries(project, "extract")
    for stream in ("lld", "fc6"):
        run(project, f"extract {stream}")
    assert entries(project, "extract") == before


@pytest.mark.parametrize("stream", ["lld130", "energy", "corners"])
def test_an_added_stream_is_extracted_alone(project: Project, stream: str) -> None:
    before = entries(project, "extract")
    run(project, f"extract {stream}")
    assert len(entries(project, "extract") - before) == 4  # an item each
    run(project, f"extract {stream}")
    assert len(entries(project, "extract") - before) == 4


def test_models_see_the_streams_that_they_name(project: Project) -> None:
    run(project, "extract both")
    run(project, "windows")
    windows = open_windows(project.folder / "data/windows.zarr")
    assert set(windows.streams) == {"lld", "fc6", *STREAMS}
    widths = {name: stream.width * stream.steps for name, stream in windows.streams.items()}
    assert widths == {
        "fc6": 4096,
        "lld": 3900,
        "lld130": 7800,
        "energy": 1,
        "corners": 12,
        "both": 4108,
    }
    for model, inputs in {
        "wide": {"audio": 7800, "video": 4096},
        "joined": {"audio": 1, "video": 4108},
        "loud": {"audio": 1},
    }.items():
        run(project, f"train {model}")
        run(project, f"evaluate {model}")
        folder = project.folder / f"data/models/{model}/seed-0"
        card = json.loads((folder / "config.json").read_text())
        assert card["inputs"] == inputs
        assert (card["faces"] is None) == (model == "loud")


def test_a_stream_of_one_s_own_is_on_the_recording_s_clock(project: Project) -> None:
    store = open_stream(project.folder / "data/streams/energy.zarr")
    windows = open_windows(project.folder / "data/windows.zarr")
    for item in store.items:
        rows = store.rows(item)[:]
        assert rows.min() >= 1.0  # its option
        steps = windows.steps(item, "energy")
        # 30 frames a second look at 10 rows a second.
        expected = np.floor((windows.times(item) + 1 / 60) * 10)
        inside = expected < len(rows)
        np.testing.assert_array_equal(steps.index[inside, 0], expected[inside])


def test_a_renamed_stream_and_model_cost_nothing(project: Project) -> None:
    before = {stage: entries(project, stage) for stage in ("extract", "train")}
    path = project.folder / "params.yaml"
    text = path.read_text()
    path.write_text(text.replace("lld130", "lld_wide").replace('"wide"', '"broad"'))
    for command in ("keys", "extract lld_wide", "windows", "train broad"):
        run(project, command)
    assert entries(project, "extract") == before["extract"]
    assert entries(project, "train") == before["train"]
    path.write_text(text)


def test_a_prediction_extracts_own_streams_and_joined_ones(project: Project) -> None:
    clip = project.folder / "data/corpus/demo/clip_000.mp4"
    for command in ("keys", "windows", "train joined"):
        run(project, command)
    said = project.run(
        "python", "-m", "pipeline.predict", str(clip), "--model", "joined", "--out", "out"
    )
    assert "of the frames" in said
    lines = (project.folder / "out/clip_000.joined.csv").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) == 31


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"energy": {"options": {"ofset": 1.0}}}, "does not take its options"),
        ({"energy": {"modality": "video"}}, "describes audio, not video"),
        ({"energy": {"extractor": "extensions.energy:Enrgy"}}, "cannot be loaded"),
    ],
)
def test_mistakes_with_an_own_extractor_are_one_sentence(
    project: Project, changes: dict, says: str
) -> None:
    text = (project.folder / "params.yaml").read_text()
    project.params({"streams": changes, "models": {"loud": {"sees": ["lld"]}}})
    project.params({"models": {"joined": {"network": "unimodal", "sees": ["both"]}}})
    output = project.run("python", "-m", "pipeline.keys", fails=False)
    output += project.run("python", "-m", "pipeline.extract", "energy", fails=True)
    (project.folder / "params.yaml").write_text(text)
    assert says in output
    assert "Traceback" not in output


def test_sound_does_not_wait_for_faces(project: Project) -> None:
    project.git("Begin")
    said = project.run("dvc", "repro", "--dry", "extract@lld130")
    assert set(re.findall(r"Running stage '([^']+)'", said)) <= {"keys", "corpus", "extract@lld130"}
    said = project.run("dvc", "repro", "--dry", "extract@fc6")
    assert "faces" in said
