"""The command that tries a network of one's own."""

from pathlib import Path

import pytest

from features.errors import InputError
from models.networks import contract
from pipeline.check_network import check, main, options_from
from tests.helpers import own_modules, own_project


@pytest.mark.parametrize("kind", ["extensions", "installed"])
def test_the_readme_s_network_passes(
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("onnxruntime")
    content = own_project.modules()["mynet"]
    module = own_modules.write(kind, f"tried_{kind}", content, tmp_path, monkeypatch)
    monkeypatch.setattr(contract, "TASKS", {"classes": contract.TASKS["classes"]})
    main([f"{module}:MyNet", "--options", '{"width": 4}'])
    assert "does what every network does" in capsys.readouterr().err


def test_what_fails_is_said_and_the_status_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = own_modules.NETWORK.replace("* masks[m].unsqueeze(-1)", "")
    module = own_modules.write("extensions", "careless", content, tmp_path, monkeypatch)
    monkeypatch.setattr("pipeline.check_network._exported", lambda _: iter(()))
    monkeypatch.setattr(contract, "TASKS", {"dimensions": contract.TASKS["dimensions"]})
    with pytest.raises(SystemExit) as ended:
        main([f"{module}:MyNet"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "audio and video, dimensions: padding changes its outputs" in said.replace("\n", " ")


def test_a_network_of_one_stream_is_tried_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.check_network._exported", lambda _: iter(()))
    monkeypatch.setattr(contract, "TASKS", {"classes": contract.TASKS["classes"]})
    assert not list(check("unimodal", {}))


def test_bad_input_is_a_sentence() -> None:
    with pytest.raises(InputError, match="is not a JSON object"):
        options_from("width=3")
    with pytest.raises(InputError, match="there is no network 'misstyped'"):
        list(check("misstyped", {}))
    with pytest.raises(InputError, match="refuses its options"):
        list(check("fusion", {"kind": "sideways"}))
