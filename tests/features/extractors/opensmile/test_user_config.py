"""Configs of a user: what they include, and what they may not do. None of these runs openSMILE."""

import hashlib
from pathlib import Path

import opensmile
import pytest

from features.errors import InputError
from features.extractors.opensmile.user_config import hash_of_config, user_config

CONFIG = "[componentInstances:cComponentManager]\n\\{\\cm[source{?}:source]}\n\\{parts/a.inc}\n"

SINKS = (
    *("cCsvSink", "cArffSink", "cHtkSink", "cWaveSink", "cLibsvmSink", "cLibsvmLiveSink"),
    *("cDatadumpSink", "cDataPrintSink", "cExampleSink", "cRnnSink", "cNullSink", "cExternalSink"),
)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "home" / "parts").mkdir(parents=True)
    (tmp_path / "home" / "parts" / "a.inc").write_text("instance[a].type = cFramer\n\\{b.inc}\n")
    (tmp_path / "home" / "parts" / "b.inc").write_text("[a:cFramer]\n;\\{../../nothing.inc}\n")
    (tmp_path / "outside.inc").write_text("frameStep = 0.010\n")
    path = tmp_path / "home" / "my.conf"
    path.write_text(CONFIG)
    return path


def refused(path, match):
    with pytest.raises(InputError, match=match) as refusal:
        hash_of_config(path)
    assert "\n" not in str(refusal.value)


def test_the_hash_is_the_file_s_where_it_includes_nothing(tmp_path):
    path = tmp_path / "plain.conf"
    path.write_bytes("; größer\r\n[a:cFramer]\r\n".encode())
    assert hash_of_config(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_hash_covers_what_is_included_however_deep(config):
    before = hash_of_config(config)
    assert "[a:cFramer]" in user_config(config)
    (config.parent / "parts" / "b.inc").write_text("[a:cFramer]\nframeStep = 0.010\n")
    assert hash_of_config(config) != before


@pytest.mark.parametrize("place", ["../../outside.inc", "{absolute}", "link.inc", "folder/outside"])
def test_nothing_is_included_from_outside_the_folder(config, tmp_path, place):
    parts = config.parent / "parts"
    (parts / "link.inc").symlink_to(tmp_path / "outside.inc")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "outside").write_text("")
    (parts / "folder").symlink_to(tmp_path / "folder")
    place = place.format(absolute=tmp_path / "outside.inc")
    (parts / "a.inc").write_text(f"\\{{{place}}}\n")
    refused(config, "included by .*a.inc, lies outside .*home")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        *((f"instance[x].type = {name}", f"{name} writes or sends") for name in SINKS),
        ("instance[x].type = cWaveSource", "reads something else"),
        ("instance[x].type = cExternalMessageInterface", "sends messages"),
        ("[x:cCsvSink]", "cCsvSink writes"),
        ("filename = /tmp/a", "names another file"),
        ("saveFile=a", "names another file"),
        ("net[0].netFile = a", "names another file"),
        (r"instance[x].type = \cm[a{cFramer}:b]", "hides a component"),
        (r"instance[x].type = cCsv" + "\\", "hides a component"),
        ("reader.dmLevel = \\", "goes on in the next line"),
        (r"  x \{b.inc}", "in a form that is not known"),
        (r"\{b.inc} ;", "in a form that is not known"),
    ],
)
def test_what_reads_writes_or_sends_is_refused(config, line, fault):
    (config.parent / "parts" / "b.inc").write_text(line + "\n")
    refused(config, fault)
    (config.parent / "parts" / "b.inc").write_text(f"; {line}\n")
    assert hash_of_config(config)


def test_the_package_s_sets_are_let_through():
    root = Path(opensmile.__file__).parent / "core" / "config"
    for name in ("egemaps/v02/eGeMAPSv02.conf", "is09-13/IS13_ComParE.conf"):
        assert len(hash_of_config(root / name)) == 64
    refused(root / "is09-13" / "IS13_ComParE_Voc.conf", "reads something else|names another file")
