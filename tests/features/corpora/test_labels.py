import numpy as np
import pandas as pd
import pytest

from features.corpora.labels import class_label, frame_labels, read_labels
from features.errors import InputError
from features.task import AFFECT, Task


@pytest.fixture
def read(tmp_path):
    def read(text):
        file = tmp_path / "labels.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_labels(file)

    return read


def timed(times, valence=None):
    """The text of a labels file; valence tells the rows apart."""
    valence = np.linspace(-1, 1, len(times)) if valence is None else valence
    rows = [f"{float(t)!r},{float(v)!r},0.5" for t, v in zip(times, valence, strict=True)]
    return "\n".join(["time,valence,arousal", *rows])


# ------------------------------------------------------------------ reading


def test_columns_in_any_order_with_others_beside(read):
    table = read("rater,arousal, time,valence\nx, .5,0.0,-1\ny,.25,0.1,1e-1\n")
    assert table.columns.tolist() == ["time", "valence", "arousal"]
    assert table.to_numpy().tolist() == [[0, -1, 0.5], [0.1, 0.1, 0.25]]
    assert (table.dtypes == "float64").all()


def test_a_byte_order_mark_and_windows_line_ends(read):
    table = read(b"\xef\xbb\xbfvalence,arousal\r\n1,-1\r\n\r\n")
    assert table[["valence", "arousal"]].to_numpy().tolist() == [[1, -1]]
    assert table["time"].isna().all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("valence\n1\n", "has no column arousal"),
        ("time,arousal\n0,1\n", "has no column valence"),
        ("valence,arousal\n1,1\n1,x\n", "row 3 column arousal is 'x', not a number"),
        ("valence,arousal\n1,1\n,1\n", "row 3 column valence is '', not a number"),
        ("valence,arousal\n1,1\n1\n", "row 3 column arousal is '', not a number"),
        ("valence,arousal\n1,1\n\n1,1\n", "row 3 column valence is ''"),  # else rows would shift
        ("valence,arousal\n1,nan\n", "row 2 column arousal is 'nan', not a number"),
        ("valence,arousal\n1,inf\n", "row 2 column arousal is 'inf', not a number"),
        ("time,valence,arousal\n0,1,1\n?,1,1\n", "row 3 column time is"),
        ("time,valence,arousal\n1,1,1\n1,1,1\n", "column time does not increase"),
        ("time,valence,arousal\n2,1,1\n1,1,1\n", "column time does not increase"),
        ("valence,arousal\n1,1,0\n1,1,0\n", "row 2 has more values than there are columns"),
        ("valence,arousal\n1,1\n1,1,0\n", "not a readable CSV .*line 3"),
        ("valence,arousal\n1,x,0\n", "row 2 has more values"),
        ("", "not a readable CSV"),
        (b"\xff\xfe\x00", "not a readable CSV"),
    ],
)
def test_errors_name_row_and_column(read, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(text)
    assert "labels.csv" in caught.value.reason
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"no\.csv is not a readable CSV"):
        read_labels(tmp_path / "no.csv")


# ------------------------------------------------------------------ a row per frame


@pytest.mark.parametrize("frames", [3, 5, 8])
def test_fewer_or_more_labels_than_frames(read, frames):
    labels, valid = frame_labels(
        read("valence,arousal\n" + "".join(f"0.{i},-0.{i}\n" for i in range(1, 6))),
        np.arange(frames) / 30,
        AFFECT,
    )
    assert valid.tolist() == [i < 5 for i in range(frames)]
    expected = [[(i + 1) / 10, -(i + 1) / 10] if i < 5 else [0, 0] for i in range(frames)]
    np.testing.assert_allclose(labels, expected, rtol=1e-6)
    assert labels.dtype == np.float32


def test_labels_outside_the_range_do_not_count(read):
    text = "valence,arousal\n-5,-5\n-5,0\n0,1.001\n1,-1\n0,0\n"
    labels, valid = frame_labels(read(text), np.arange(5) / 30, AFFECT)
    assert valid.tolist() == [False, False, False, True, True]
    assert labels.tolist() == [[0, 0], [0, 0], [0, 0], [1, -1], [0, 0]]


@pytest.mark.parametrize("header", ["valence,arousal", "time,valence,arousal"])
def test_no_labels_at_all(read, header):
    labels, valid = frame_labels(read(header + "\n"), np.arange(4) / 30, AFFECT)
    assert labels.shape == (4, 2)
    assert not valid.any()


def test_no_frames_at_all(read):
    labels, valid = frame_labels(read(timed([0, 1])), np.zeros(0), AFFECT)
    assert (labels.shape, valid.shape) == ((0, 2), (0,))


# ------------------------------------------------------------------ with times


@pytest.mark.parametrize("label_rate", [5, 10, 25, 29.97, 30, 50, 100])
@pytest.mark.parametrize("frame_rate", [7.5, 15, 23.976, 30, 60])
def test_every_frame_takes_the_nearest_label(read, label_rate, frame_rate):
    at, times = np.arange(6 * label_rate) / label_rate, np.arange(5 * frame_rate) / frame_rate
    values = np.sin(np.arange(len(at)))
    labels, valid = frame_labels(read(timed(at, values)), times, AFFECT)
    assert valid.all()
    distance = np.abs(at - times[:, None])
    nearest = distance <= distance.min(axis=1, keepdims=True) + 1e-9  # both, where it is a tie
    chosen = np.abs(values - labels[:, :1]) < 1e-6
    assert (nearest & chosen).any(axis=1).all()
    np.testing.assert_allclose(labels[:, 1], 0.5)


def test_labels_reach_half_a_step(read):
    at = np.array([1.0, 1.1, 1.2, 1.6, 1.7])  # a gap, and nothing before and after
    times = np.array([0.9, 0.95, 1.04, 1.25, 1.3, 1.4, 1.55, 1.75, 1.8])
    labels, valid = frame_labels(read(timed(at)), times, AFFECT)
    assert valid.tolist() == [False, True, True, True, False, False, True, True, False]
    expected = np.array([0, -1, -1, 0, 0, 0, 0.5, 1, 0])
    np.testing.assert_array_equal(labels[:, 0], expected)
    np.testing.assert_array_equal(labels[~valid], 0)


def test_a_single_label_reaches_half_a_step_of_the_frames(read):
    single = read("time,valence,arousal\n1,0.5,-0.5\n")
    labels, valid = frame_labels(single, np.arange(90) / 30, AFFECT)
    assert np.flatnonzero(valid).tolist() == [30]
    assert labels[30].tolist() == [0.5, -0.5]
    assert not labels[~valid].any()
    assert frame_labels(single, np.array([1.02]), AFFECT)[1].all()  # of the one frame there is


def test_times_are_those_of_the_container(read):
    # The picture starts half a second into the recording: row i is not frame i.
    at = np.arange(60) / 30
    labels, valid = frame_labels(read(timed(at, at / 2)), 0.5 + np.arange(60) / 30, AFFECT)
    np.testing.assert_allclose(labels[:45, 0], (0.5 + np.arange(45) / 30) / 2, rtol=1e-6)
    assert valid[:45].all()
    assert not valid[45:].any()


def test_labels_of_a_part_follow_the_clock_of_the_file(read):
    at = np.arange(90) / 30
    part = at[60:]  # the item begins two seconds into the file
    labels, valid = frame_labels(read(timed(at, at / 3)), part, AFFECT)
    np.testing.assert_allclose(labels[:, 0], part / 3, rtol=1e-6)
    assert valid.all()


def test_labels_a_row_per_frame_of_a_part_count_from_its_first_frame(read):
    labels, valid = frame_labels(
        read("valence,arousal\n0.1,0\n0.2,0\n"), 2 + np.arange(3) / 30, AFFECT
    )
    np.testing.assert_allclose(labels[:, 0], [0.1, 0.2, 0], rtol=1e-6)
    assert valid.tolist() == [True, True, False]


# ------------------------------------------------------------------ other tasks


def test_targets_and_their_range_are_those_of_the_task():
    task = Task(outputs=("dominance", "arousal", "valence"), low=1.0, high=5.0)
    values = [[1, 5, 3], [0.5, 3, 3], [3, 5.5, 3], [3, np.nan, 3], [3, 3, np.inf], [2, 3, 4]]
    labels = pd.DataFrame(values, columns=["valence", "arousal", "dominance"]).assign(time=np.nan)
    given, valid = frame_labels(labels, np.arange(6) / 30, task)
    assert valid.tolist() == [True, False, False, False, False, True]
    assert given[valid].tolist() == [[3, 5, 1], [4, 3, 2]]  # in the order of the task
    assert not given[~valid].any()


def test_the_label_of_a_class_is_one_row_of_shares():
    hard = class_label({"b": 1}, ("a", "b", "c"))
    assert hard.columns.tolist() == ["time", "a", "b", "c"]
    assert hard.dtypes.eq("float64").all()
    assert hard[["a", "b", "c"]].to_numpy().tolist() == [[0, 1, 0]]
    assert hard["time"].isna().all()
    soft = class_label({"c": 0.5, "a": 0.5}, ("a", "b", "c"))
    assert soft[["a", "b", "c"]].to_numpy().tolist() == [[0.5, 0, 0.5]]
