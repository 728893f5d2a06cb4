"""What a stage imports before it computes: a run that finds all results cached waits for none."""

import subprocess
import sys

from tests.helpers.project import ROOT

HEAVY = ("torch", "scipy", "dlib", "opensmile", "skimage", "distributed", "onnxruntime", "h5py")

COMMANDS = "keys corpus faces extract windows train evaluate cache"

COUNT = """
import importlib, sys
for command in sys.argv[1].split():
    importlib.import_module(f"pipeline.{command}")
print(*(name for name in sys.argv[2:] if name in sys.modules))
"""


def test_nothing_that_computes_is_imported_before_it_is_needed():
    done = subprocess.run(
        [sys.executable, "-c", COUNT, COMMANDS, *HEAVY],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == []
