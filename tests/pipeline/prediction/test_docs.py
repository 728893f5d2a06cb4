"""The lines of docs/from-python.md run as they stand."""

import re
from pathlib import Path

import pytest

from features.extractors.settings import OpenSMILESettings
from features.settings import FaceSettings
from models import recogniser
from tests.helpers.project import ROOT
from tests.helpers.trained_models import LLD, random_model


def test_the_lines_of_the_docs_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from features.extractors.settings import VGGFaceSettings

    streams = {"audio": OpenSMILESettings(context_seconds=0.1), "video": VGGFaceSettings()}
    trained = random_model(streams, {"audio": LLD, "video": 32}, faces=FaceSettings())
    folder = tmp_path / "data/models/baseline/seed-0"
    recogniser.save(folder, trained.card, trained.network.state_dict())
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/from-python.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    code = [line for line in block.splitlines() if line and not line.startswith(("from", "import"))]
    assert len(code) <= 11
    scope: dict[str, object] = {}
    exec(block, scope)
    (ccc,) = re.findall(r"\[(.*)\]", capsys.readouterr().out)
    assert len(ccc.split()) == 2
    assert all(0 < float(value) < 1 for value in ccc.split())
