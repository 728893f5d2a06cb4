import difflib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml

from pipeline import params
from pipeline.engine.completion import as_dvc_writes
from pipeline.params import load_params
from tests.helpers.project import ROOT

OWN = ROOT / "params.yaml"

SHORT = """\
# Mine.
corpus:
  root: features/corpora/made   # the demo's

models:   # what is compared
  m: {}   # a model
  n:
    ablation: {strategy: frame_zero, p: 0.5}

faces: {every: 5}   # quick

# The end.
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Complete a params.yaml of this text and return what it is then."""

    def write(text):
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr(params, "FILE", tmp_path / "params.yaml")
        params.FILE.write_text(text)
        params.main(["--write"])
        return params.FILE.read_text()

    return write


def changed_lines(before, after):
    return [
        line[0] + line[1:].split("#")[0].rstrip()
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        if line[:3] not in ("---", "+++") and line[0] != "@"
    ]


def test_a_short_file_gets_every_default_and_means_the_same(write, tmp_path):
    (tmp_path / "short.yaml").write_text(SHORT)
    before = load_params(tmp_path / "short.yaml")
    text = write(SHORT)
    assert load_params(params.FILE) == before
    written = load_yaml(str(params.FILE))
    assert written.keys() == params.Params.model_fields.keys()
    assert written["faces"].keys() == type(before.faces).model_fields.keys()
    assert written["faces"]["every"] == 5
    assert written["faces"]["smoothing"] is None, "null stays the detector's own"
    assert written["models"]["m"] == {}, "what the user names is the user's"
    for comment in ("# Mine.", "# the demo's", "# what is compared", "# a model", "# quick"):
        assert comment in text
    assert text.endswith("# The end.\n")


def test_streams_get_the_defaults_of_their_extractors(write):
    text = SHORT + "streams:\n  fc6: {extractor: vggface, input_size: 224}\n  lld:\n"
    write(text + "    extractor: opensmile   # sound\n    modality: audio\n")
    streams = load_yaml(str(params.FILE))["streams"]
    assert streams["fc6"]["modality"] == "video", "dvc.yaml needs it"
    assert streams["fc6"]["input_size"] == 224
    assert streams["lld"]["silence"] == {"floor_dbfs": -60.0, "min_seconds": 0.3}
    assert "extractor: opensmile   # sound\n" in params.FILE.read_text()


def test_a_complete_file_stays_as_it_is(write):
    complete = write(SHORT)
    assert write(complete) == complete
    loose = complete.replace("m: {}   # a model", "m:   {network:    crossmodal}")
    assert write(loose) == loose, "a form that is not DVC's is the user's"


@pytest.mark.parametrize(
    "text",
    [
        "{models: {m: {}}, corpus: {root: features/corpora/made}}",
        "models: {m: {}}\ncorpus: {root: features/corpora/made}",  # no line break at its end
        "models:\n  m: {}\n\ncorpus:\n    root: features/corpora/made\n    exclude:\n        a: |\n"
        "            long\n            reason\n\n# next\nexecution:\n  cache:   # none\n",
        "corpus: &a\n  root: features/corpora/made\nmodels:\n  m: {}\n"
        "  n: {train: &t {epochs: 3}}\n  o: {train: *t}\ntrain:\n  epochs: 4\n"
        "  network: {dim: 8}\nevaluate:\n  conditions:\n"
        "  - {strategy: clip_zero, p: [1.0, 0.0]}   # kept\n",
        "\ufeffmodels: {m: {}}\r\ncorpus:\r\n  root: features/corpora/made\r\n",
    ],
)
def test_every_way_of_writing_yaml_can_be_completed(write, tmp_path, text):
    (tmp_path / "short.yaml").write_text(text)
    before = load_params(tmp_path / "short.yaml")
    written = write(text)
    assert load_params(params.FILE) == before
    assert write(written) == written
    assert [line for line in text.splitlines() if "kept" in line] == [
        line for line in written.splitlines() if "kept" in line
    ]


def test_an_impossible_file_is_left_alone(write, capsys):
    with pytest.raises(SystemExit):
        write(SHORT + "windows: {clip_frames: 0}\n")
    assert "windows.clip_frames is 0, must be above 1" in capsys.readouterr().err
    assert params.FILE.read_text() == SHORT + "windows: {clip_frames: 0}\n"
    assert list(params.FILE.parent.iterdir()) == [params.FILE]


# What `dvc exp run -S` does to the file; the first is the README's.
SET = [
    ("models.frame_zero.ablation.p=0.8", ["-    ablation: {", "+    ablation: {"]),
    ("train.epochs=3", ["-  epochs: 20", "+  epochs: 3"]),
    ("train.seeds=[0,1,5]", ["-  - 2", "+  - 5"]),
    ("train.network.dim=64", ["-  network: {dim: 32", "+  network: {dim: 64"]),
    ("evaluate.conditions.0.p=[1.0,0.7,0.5,0.25,0.0]", ["-    - 0.3", "+    - 0.25"]),
    ("evaluate.reference=lacuna", ["-  reference:", "+  reference: lacuna"]),
    ("corpus.demo.seconds=2.0", ["-  demo: {", "+  demo: {"]),
]


@pytest.mark.parametrize(("override", "lines"), SET)
def test_a_setting_of_an_experiment_changes_one_line(tmp_path, override, lines):
    file = shutil.copy(OWN, tmp_path / "params.yaml")
    apply_overrides(file, [override])
    changed = changed_lines(OWN.read_text(), Path(file).read_text())
    assert len(changed) == 2
    assert all(line.startswith(part) for line, part in zip(changed, lines, strict=True))


def test_the_same_holds_for_a_file_that_was_completed(write):
    text = write(SHORT)
    for override in ("models.n.ablation.p=0.8", "corpus.cremad.ties=soft", "faces.every=7"):
        params.FILE.write_text(text)
        apply_overrides(params.FILE, [override])
        assert len(changed_lines(text, params.FILE.read_text())) == 2


def test_the_projects_own_file_is_complete_and_as_dvc_writes_it(write):
    text = OWN.read_text()
    assert write(text) == text
    assert as_dvc_writes(text) == text


def test_reading_params_is_quick(tmp_path):
    """Every stage begins with it, and `make repro` with the command."""
    code = "import time, pipeline.params; print(time.process_time())"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(2)
    ]
    assert min(times) < 0.6
