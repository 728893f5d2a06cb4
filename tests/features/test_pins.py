"""The code of expensive extraction gives what it gave when its pin was set."""

from pathlib import Path

import numpy as np
import pytest

from features.extractors.crops import open_faces
from features.extractors.settings import OpenSMILESettings, StreamSettings, VGGFaceSettings
from features.extractors.sound import describe_sound
from features.extractors.together import describe_faces
from features.faces.items import detect_item
from features.settings import FaceSettings
from features.stores.assembling import assemble
from features.stores.store import Store
from features.stores.streams import ROWS, open_stream
from tests.helpers.pins import check_pin

GOLDEN = Path(__file__).parent / "golden"
CLIP = GOLDEN / "clip.mp4"
"""A second of the demo corpus."""


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The crops of the clip."""
    folder = tmp_path_factory.mktemp("faces")
    (folder / "item").mkdir()
    detect_item(CLIP, FaceSettings(), "", folder / "item")
    assemble(folder / "faces.zarr", {"clip": folder / "item"}, {}, {"clip": "key"})
    return open_faces(folder / "faces.zarr")


def rows_of(folder: Path) -> np.ndarray:
    """The rows that a job of a stream wrote."""
    assemble(folder / "stream.zarr", {"clip": folder / "item"}, {}, {"clip": "key"})
    return np.asarray(open_stream(folder / "stream.zarr").rows("clip")[:])


def rows_used(settings: StreamSettings) -> list[tuple[str, str]]:
    return [("extractor", settings.extractor)]


def test_faces(faces: Store) -> None:
    crops = np.asarray(faces.rows("clip", "crops")[:])
    outputs = {
        "times": faces.array("clip", "times"),
        "present": faces.array("clip", "present"),
        "crops": crops[:, ::6, ::6].astype(np.int16),
    }
    check_pin("faces", detect_item, outputs, GOLDEN / "faces.npz", atol=2)


def test_opensmile(tmp_path: Path) -> None:
    settings, out = OpenSMILESettings(), tmp_path / "item"
    out.mkdir()
    describe_sound(settings, CLIP, "cpu", out)
    outputs = {ROWS: rows_of(tmp_path)}
    check_pin(
        "opensmile",
        describe_sound,
        outputs,
        GOLDEN / "opensmile.npz",
        rows=rows_used(settings),
        rtol=1e-3,
    )


def test_vggface(faces: Store, tmp_path: Path) -> None:
    settings, out = VGGFaceSettings(precision="fp32", batch_size=8), tmp_path / "item"
    out.mkdir()
    describe_faces(settings, faces, "clip", "cpu", out)
    outputs = {ROWS: rows_of(tmp_path)[:, ::32]}
    check_pin(
        "vggface",
        describe_faces,
        outputs,
        GOLDEN / "vggface.npz",
        rows=rows_used(settings),
        rtol=1e-2,
        atol=1e-2,
    )
