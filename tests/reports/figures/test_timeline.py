"""Values over time: missing stretches."""

import pytest

from reports.figures.timeline import stretches


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([1, 1, 1, 1], []),
        ([0, 0, 0, 0], [[0.0, 4.0]]),
        ([0, 1, 1, 0], [[0.0, 1.0], [3.0, 4.0]]),
        ([1, 0, 0, 1], [[1.0, 3.0]]),
    ],
)
def test_stretches_last_until_the_next_frame(present, expected):
    assert stretches([0.0, 1.0, 2.0, 3.0], present).tolist() == expected


def test_stretches_of_a_variable_rate_and_of_no_frames():
    assert stretches([0.0, 1.0, 5.0], [True, False, True]).tolist() == [[1.0, 5.0]]
    assert stretches([], []).shape == (0, 2)
    assert stretches([2.0], [False]).tolist() == [[2.0, 2.0]]
