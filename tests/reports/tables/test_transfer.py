"""Training corpora against tested corpora."""

import json
from dataclasses import replace

import pytest

from features.errors import InputError
from features.task import Task
from reports.numbers.elsewhere import OnCorpus, on_corpus, read_elsewhere
from reports.tables.transfer import across_table

SENTIMENT = Task(kind="sentiment", level="sequence", outputs=("sentiment",))
HERE = OnCorpus("a", "mine", ("a",), ("1f",), {"sentiment": {"intact": 0.5, "video_gone": 0.25}})
THERE = OnCorpus("b", "theirs", ("a",), ("1f",), {"sentiment": {"intact": 0.125}})


def test_rows_are_recognisers_that_were_tested_on_several_corpora() -> None:
    alone = OnCorpus("b", "alone", ("b",), ("2f",), {"sentiment": {"intact": 0.75}})
    table = across_table([HERE, alone, THERE], SENTIMENT)
    assert table.index("tested on a") < table.index("tested on b")
    assert "mine, theirs Sentiment" in table
    assert table.index("0.500") < table.index("0.250") < table.index("0.125")
    assert "0.750" not in table
    assert table.count("–") == 5  # what the runs do not say
    assert across_table([HERE, alone], SENTIMENT) == ""


def test_the_same_recogniser_is_known_by_its_weights() -> None:
    assert across_table([HERE, replace(THERE, weights=("1f", "2f"))], SENTIMENT) == ""
    run = {"corpus": {"title": "b"}, "models": {"m": {"corpora": ["a"], "weights": ["1f"]}}}
    assert on_corpus(run, {}) == [OnCorpus("b", "m", ("a",), ("1f",), {})]
    run["models"]["m"]["weights"] = []  # of an older run
    assert on_corpus(run, {}) == []


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"task": {}, "models": {}})])
def test_results_that_cannot_be_read_are_one_sentence(tmp_path, content) -> None:
    assert read_elsewhere(tmp_path, {"task": {"kind": "regression"}}) == []
    place = tmp_path / "elsewhere" / "b"
    place.mkdir(parents=True)
    (place / "run.json").write_text(content)
    (place / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match=r"elsewhere/b has .* copy run\.json and metrics\.json"):
        read_elsewhere(tmp_path, {"task": {"kind": "regression"}})
