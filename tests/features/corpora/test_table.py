"""CSVs as spreadsheets write them."""

import time
from pathlib import Path

import numpy as np
import pytest

from features.corpora.folder import read
from features.corpora.item import Work
from features.corpora.labels import read_labels
from features.corpora.settings import FolderSettings, SplitSettings
from features.corpora.table import read_table
from features.errors import InputError
from tests.helpers.media_factory import flat_frames, make_video

LABELS = "time;valence;arousal\n0,00;0,5;-0,25\n0,04;-1;1,0\n1;0,0;,5\n"
VALUES = [[0.0, 0.5, -0.25], [0.04, -1.0, 1.0], [1.0, 0.0, 0.5]]


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


WAYS = {
    "decimal commas": LABELS,
    "decimal points": LABELS.replace(",", "."),
    "tabs": LABELS.replace(";", "\t"),
    "commas": LABELS.replace(",", ".").replace(";", ","),
    "windows": LABELS.replace("\n", "\r\n"),
    "old mac": LABELS.replace("\n", "\r"),
    "stated": "sep=;\n" + LABELS,
    "stated by excel": "\ufeffsep=;\r\n" + LABELS.replace("\n", "\r\n"),
    "stated commas": "sep=,\n" + LABELS.replace(",", ".").replace(";", ","),
    "stated tabs": "SEP=\t\n" + LABELS.replace(";", "\t"),
    "a column more": LABELS.replace("\n", ";\n"),
    "two columns more": LABELS.replace("\n", ";;\n"),
    "empty lines at the end": LABELS + ";;\n;;\n",
    "a mark of UTF-8": "\ufeff" + LABELS,
    "UTF-16": LABELS.encode("utf-16"),
    "UTF-16, little end first": b"\xff\xfe" + LABELS.encode("utf-16-le"),
    "UTF-16, big end first": b"\xfe\xff" + LABELS.encode("utf-16-be"),
    "quoted": '"time";"valence";"arousal"\n"0,00";"0,5";"-0,25"\n"0,04";"-1";"1,0"\n1;0;0,5\n',
}


@pytest.mark.parametrize("content", WAYS.values(), ids=WAYS)
def test_labels_as_spreadsheets_write_them(tmp_path, content):
    labels = read_labels(written(tmp_path, content))
    assert list(labels) == ["time", "valence", "arousal"]
    np.testing.assert_array_equal(labels, VALUES)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("sep=|\nvalence|arousal\n1|1\n", r"has '\|' between its values; read are a comma, a semi"),
        ('valence,arousal\n"0,5",1\n', "row 2 column valence is '0,5', not a number"),
        ("valence;arousal\n1.000,5;1\n", r"row 2 column valence is '1\.000,5', not a number"),
        ("valence;arousal\n0,5;1;2\n", "row 2 has more values .* a semicolon between them"),
        ("sep=;\nvalence;arousal\n0,5;x\n", "row 2 column arousal is 'x', not a number"),
        (b"valence,arousal,Gef\xfchl\n1,1,1\n", "no text in UTF-8 or UTF-16"),
        ("a," * 100_000, "has 100,001 columns, more than any table"),
        ("a;" * 100_000 + "\n" + "1;" * 100_000, "has 100,001 columns, more than any table"),
    ],
)
def test_what_is_refused_at_once(tmp_path, content, reason):
    path = written(tmp_path, content)
    start = time.process_time()
    with pytest.raises(InputError, match=reason):
        read_labels(path)
    assert time.process_time() - start < 2


def test_commas_within_values_are_kept(tmp_path):
    table = read_table(written(tmp_path, "path;speaker\na,1.mp4;Doe, Jane\n"))
    assert table.to_numpy().tolist() == [["a,1.mp4", "Doe, Jane"]]
    table = read_table(written(tmp_path, 'path,speaker\n"a;1.mp4","Doe; Jane"\n'))
    assert table.to_numpy().tolist() == [["a;1.mp4", "Doe; Jane"]]


def test_items_of_a_european_spreadsheet(tmp_path):
    for name in ("a", "b"):
        make_video(tmp_path / f"{name}.mp4", flat_frames(30))
    (tmp_path / "a.csv").write_text(LABELS)
    items = "sep=;\r\npath;start;end;labels;\r\na.mp4;0,25;0,75;a.csv;\r\nb.mp4;;;;\r\n"
    (tmp_path / "items.csv").write_bytes(items.encode("utf-16"))
    first, second = read(tmp_path, FolderSettings(), SplitSettings(), Work()).items
    assert (first.start, first.end) == (0.25, 0.75)
    np.testing.assert_array_equal(first.labels, VALUES)
    assert (second.start, second.end, second.labels) == (0.0, None, None)


def test_a_column_without_a_name_that_holds_something_is_refused(tmp_path):
    make_video(tmp_path / "a.mp4", flat_frames(3))
    (tmp_path / "items.csv").write_text("path;\na.mp4;note\n")
    with pytest.raises(InputError, match="an unknown column Unnamed: 1"):
        read(tmp_path, FolderSettings(), SplitSettings(), Work())
