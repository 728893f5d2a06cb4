"""The program's faces and expression network against OpenCV, torch and the live choice of faces."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from features.errors import InputError
from features.extractors.expression import weights
from features.extractors.expression.extractor import Expression
from features.extractors.settings import ExpressionSettings
from features.faces.causal import CausalFace
from features.faces.crop import crop_face
from features.faces.detect import load_detector
from features.faces.search import search
from models.export import pictures, program
from pipeline.prediction.trained import Trained
from tests.helpers.face_factory import HEIGHT, MODELS, WIDTH, portrait, yunet
from tests.helpers.project import ROOT
from tests.helpers.trained_models import face_model, random_model

pytest.importorskip("onnxruntime")
needs_models = pytest.mark.skipif(not MODELS, reason="LACUNA_TEST_MODELS is not set")

ROUNDING = 3
"""Grey levels: OpenCV's weights have 11 bits, those of what is turned 5."""


def film() -> list[np.ndarray]:
    """A face that moves to the right, gone for a moment; a second, smaller one beside it."""
    shown = []
    for frame in range(12):
        picture, _ = portrait(60 + 3 * frame)
        picture[60:120, 250:310] = cv2.resize(portrait()[0], (80, 60))[:, 20:80]
        shown.append(np.full_like(picture, 90) if frame in (5, 6) else picture)
    return shown


@needs_models
def test_faces_are_those_of_opencv() -> None:
    detect = load_detector(yunet(alignment="landmarks"))
    found = pictures.YuNet(Path(MODELS) / "yunet_2026may.onnx")
    for picture in (*film()[3:6], np.zeros((33, 47, 3), np.uint8)):
        for ours, opencv in zip(found.find(picture), detect(picture), strict=True):
            assert ours.shape == opencv.shape
            assert ours == pytest.approx(opencv, abs=1e-3)


@pytest.mark.parametrize("size", [24, 96])
@pytest.mark.parametrize("angle", [0.0, 0.3])
@pytest.mark.parametrize("box", [[100, 40, 160, 130], [-30, -20, 30, 60], [400, 400, 410, 410]])
def test_crops_are_those_of_opencv(box: list[float], angle: float, size: int) -> None:
    picture, square = portrait()[0], np.array(box, np.float32)
    how = {"margin": 0.2, "size": size, "angle": angle}
    ours, opencv = (cut(picture, square, **how) for cut in (pictures.cut_face, crop_face))
    assert ours.shape == opencv.shape == (size, size, 3)
    assert np.abs(ours.astype(int) - opencv).max() <= ROUNDING


def test_sizes_are_those_of_opencv() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH + 1, 3), np.uint8)
    for height, width in ((18, 32), (100, 130), (500, 700)):
        method = cv2.INTER_AREA if height < HEIGHT else cv2.INTER_LINEAR
        opencv = cv2.resize(picture, (width, height), interpolation=method)
        assert np.abs(pictures.resized(picture, height, width).astype(int) - opencv).max() <= 1


def write_folder(folder: Path, model: Trained) -> None:
    """What a folder has beside the recogniser."""
    folder.mkdir(exist_ok=True)
    described = program.describe(model.card, [])
    assert described["faces_program"] == "faces.Faces"
    (folder / program.STREAMS).write_text(json.dumps(described))
    program.write_program(model.card, folder)


NOTHING_ELSE = """
import sys
for name in ("torch", "cv2", "av", "scipy"):
    sys.modules[name] = None  # whoever imports it fails
"""


@needs_models
def test_the_lines_of_the_docs_give_the_rows_of_torch(tmp_path: Path) -> None:
    try:
        weights.weight_file()
    except InputError as error:
        pytest.skip(str(error))
    settings = yunet()
    model = random_model({"video": ExpressionSettings()}, {"video": 128}, faces=settings)
    write_folder(tmp_path, model)
    assert program.describe(model.card, [])["streams"]["video"]["program"] == ["faces.Expression"]
    np.save(tmp_path / "pictures.npy", film())
    np.save(tmp_path / "times.npy", np.arange(len(film())) / 25)
    lines = (ROOT / "docs/export.md").read_text().split("```python\n")[2].split("```")[0]
    lines += '\nnp.save("crops.npy", [crop for crop in crops if crop is not None])\n'
    subprocess.run([sys.executable, "-c", NOTHING_ELSE + lines], cwd=tmp_path, check=True)
    with np.load(tmp_path / "rows.npz") as saved:
        rows, seen = saved["rows"], saved["seen"]
    expected = Expression(ExpressionSettings(), "cpu").describe(np.load(tmp_path / "crops.npy"))
    assert 6 <= seen.sum() <= 11
    assert np.abs(expected).max() > 0.1
    assert rows[seen] == pytest.approx(expected, abs=0.02)  # grey levels are rounded
    assert not rows[~seen].any()


ALONE = """
import numpy as np
from faces import Faces
faces = Faces(".")
crops = [faces.crop(picture, n / 25) for n, picture in enumerate(np.load(sys.argv[1]))]
seen = [crop is not None for crop in crops]
np.savez(sys.argv[2], seen=seen, crops=[crop for crop in crops if crop is not None])
"""


@needs_models
@pytest.mark.parametrize("alignment", ["none", "landmarks"])
def test_the_program_follows_the_face_that_live_follows(tmp_path: Path, alignment: str) -> None:
    settings = yunet(alignment=alignment, working_height=180, smoothing=3)
    model = face_model(tmp_path, faces=settings)
    folder = tmp_path / "exported"
    write_folder(folder, model)
    np.save(tmp_path / "film.npy", film())
    command = [
        sys.executable,
        "-c",
        NOTHING_ELSE + ALONE,
        tmp_path / "film.npy",
        tmp_path / "crops.npz",
    ]
    subprocess.run(command, cwd=folder, check=True)
    with np.load(tmp_path / "crops.npz") as saved:
        seen, crops = saved["seen"], saved["crops"]
    follow, expected, there = CausalFace(settings), [], []
    small = [cv2.resize(p, (240, 180), interpolation=cv2.INTER_AREA) for p in film()]
    timed = [(n / 25, picture) for n, picture in enumerate(small)]
    sightings = search(timed, load_detector(settings), 1)
    for picture, sighting in zip(film(), sightings, strict=True):
        face = follow.choose(sighting)
        box = follow.smooth(sighting, face) * (WIDTH, HEIGHT, WIDTH, HEIGHT)
        there.append(face >= 0)
        if face >= 0:
            angle = 0.0 if sighting.angles is None else float(sighting.angles[face])
            expected.append(crop_face(picture, box, margin=0.2, size=96, angle=angle))
    assert seen.tolist() == there
    assert 6 <= sum(there) <= 11
    apart = np.abs(crops.astype(int) - np.stack(expected))
    assert apart.mean() < 1.0
