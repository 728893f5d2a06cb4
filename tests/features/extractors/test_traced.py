"""What describes crops runs nothing of ours that is not in the key of its rows."""

import sys
import threading
from pathlib import Path

import numpy as np

from features.extractors.onnx.settings import OnnxSettings
from features.extractors.settings import StreamSettings
from features.extractors.together import describe_faces
from features.stores.assembling import assemble
from features.stores.store import open_store
from features.stores.writing import new_item
from features.tables import only
from pipeline.engine.closure import is_settings
from pipeline.engine.keys import code_of_job, name_of
from tests.helpers.onnx_files import picture_network
from tests.helpers.project import ROOT


def uncounted(function, settings: StreamSettings, compute) -> set[str]:
    """Modules of features that run and are not part of the key."""
    rows = [("extractor", settings.extractor)]
    counted = {stamp.path for stamp in code_of_job(name_of(function), tuple(rows)).files.values()}
    files: set[str] = set()

    def note(frame, event, _):
        if event == "call":
            files.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        with only(rows):
            compute()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    ours = {Path(f) for f in files if f.startswith(f"{ROOT / 'features'}/")}
    missing = ours - {Path(path).resolve() for path in counted}
    names = {".".join(f.relative_to(ROOT).with_suffix("").parts) for f in missing}
    return {name for name in names if not is_settings(name) and name != "features.tables"}


def test_all_that_runs_is_in_the_key(tmp_path):
    with new_item(tmp_path / "item", {}) as writer:
        writer.rows("crops", (2, 12, 12, 3), np.uint8).append(np.zeros((2, 12, 12, 3), np.uint8))
        writer.write("present", np.ones(2, bool))
        writer.write("times", np.arange(2) / 30)
    assemble(tmp_path / "faces.zarr", {"item": tmp_path / "item"}, {}, {"item": "key"})
    faces = open_store(tmp_path / "faces.zarr", stage="faces")
    sha256 = picture_network(tmp_path / "net.onnx")
    settings = OnnxSettings(
        modality="video", path=str(tmp_path / "net.onnx"), sha256=sha256, picture={"size": 12}
    )

    def compute():
        describe_faces(settings, faces, "item", "cpu", tmp_path / "out")

    assert uncounted(describe_faces, settings, compute) == set()
