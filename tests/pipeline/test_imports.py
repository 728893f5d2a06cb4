"""What a stage imports before it computes: a run that finds all results cached waits for none."""

import subprocess
import sys

from tests.helpers.project import ROOT

COMPUTING = "torch scipy dlib opensmile skimage distributed onnxruntime h5py zarr"

COMMANDS = "keys train evaluate extract corpus faces windows cache"

LIGHT = ("av", "cv2", "numcodecs")
FIRST = {"keys": LIGHT, "train": LIGHT, "evaluate": LIGHT, "extract": ()}
"""Commands that read no table, and what the first of them do not import besides."""

COUNT = """
import importlib, sys
for command in sys.argv[1].split():
    importlib.import_module(f"pipeline.{command}")
    print(command, *(name for name in sys.argv[2:] if name in sys.modules))
"""


def test_nothing_that_computes_is_imported_before_it_is_needed():
    done = subprocess.run(
        [sys.executable, "-c", COUNT, COMMANDS, *COMPUTING.split(), "pandas", *LIGHT],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    imported = {command: set(names) for command, *names in map(str.split, done.stdout.splitlines())}
    assert set().union(*imported.values()).isdisjoint(COMPUTING.split())
    for command, further in FIRST.items():
        assert imported[command].isdisjoint(("pandas", *further))


SETTLED = """
import pathlib, sys
from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface.loading import PRECISION, settle

folder = pathlib.Path(sys.argv[1])
(folder / PRECISION).write_text("bf16")
print(settle(VGGFaceSettings(precision="auto"), "cpu", lambda *_: folder).precision)
print("torch" in sys.modules)
"""


def test_a_precision_that_was_measured_is_known_without_torch(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SETTLED, str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["bf16", "False"]
