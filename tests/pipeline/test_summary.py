"""The last lines of a run: what was measured, and what to do with it."""

import json
from pathlib import Path

import pytest

from features.corpora.listing import RESULTS
from pipeline import summary

RUN = {
    "task": {"metrics": ["ccc"]},
    "reference": "baseline",
    "split": "test",
    "corpus": {"synthetic": True},
}
METRICS = {
    "baseline": {
        "valence": {"intact": 0.9},
        "mean": {"intact": 0.51, "video_gone": 0.1, "audio_gone": 0.3, "mean": 0.3},
    },
    "better": {"mean": {"intact": 0.5, "video_gone": 0.25, "audio_gone": None, "mean": 0.4}},
    "audio_only": {"mean": {"intact": 0.2}},
}


def test_three_lines_say_what_was_measured() -> None:
    loss, gone, intact = summary.lines(METRICS, RUN)
    assert "on the test split of a synthetic corpus" in loss
    assert "highest is better with 0.40 (baseline 0.30)" in loss
    assert "without a picture better reaches 0.25 (baseline 0.10)" in gone
    assert "without sound better reaches – (baseline 0.30)" in gone
    assert intact == "Nothing lost: highest is baseline with 0.51."


def test_the_page_s_address_and_the_way_to_keep_the_run_come_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["summary"])
    with pytest.raises(SystemExit):
        summary.main()
    assert "metrics.json is missing or damaged; run `make repro`" in capsys.readouterr().err
    RESULTS.mkdir(parents=True)
    (RESULTS / "metrics.json").write_text(json.dumps(METRICS))
    (RESULTS / "run.json").write_text(json.dumps(RUN))
    summary.main()
    *_, page, keep = capsys.readouterr().out.splitlines()
    assert page == f"The page: {(tmp_path / RESULTS / 'index.html').as_uri()}"
    assert "git add -A && git commit" in keep
