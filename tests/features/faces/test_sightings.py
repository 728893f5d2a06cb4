import numpy as np
import pytest

from features.faces.search import Sighting
from features.faces.sightings import Sightings


def test_sightings_come_back_as_they_were() -> None:
    rng = np.random.default_rng(0)
    kept, given = Sightings(), []
    for frame, faces in enumerate([0, 2, 1, 0, 3]):
        boxes = rng.random((faces, 4)).astype(np.float32)
        scores = rng.random(faces).astype(np.float32)
        given.append(Sighting(frame / 30, frame == 2, frame % 2 == 1, boxes, scores))
        kept.append(given[-1])
    assert len(kept) == len(given)
    for one, other in zip(kept, given, strict=True):  # ends where the frames do
        assert (one.time, one.starts_shot, one.interpolated) == (
            other.time,
            other.starts_shot,
            other.interpolated,
        )
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.scores, other.scores)
        assert one.boxes.dtype == np.float32
    assert [s.time for s in kept[1:3]] == [given[1].time, given[2].time]
    with pytest.raises(IndexError):
        kept[5]
