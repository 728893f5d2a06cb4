"""Grouping of planted descriptors."""

import numpy as np
import pytest

from features.faces.grouping import SAME_PERSON, group, overlapping

ONE_BY_ONE = np.array([[10 * i, 10 * i + 9] for i in range(6)])


def planted(people, *, spread=0.02, seed=0):
    """Descriptors (n, 128) of tracks of these people, whose faces are 1 apart or so."""
    rng = np.random.default_rng(seed)
    faces = np.eye(max(people) + 1, 128) / np.sqrt(2)
    return faces[people] + spread * rng.standard_normal((len(people), 128)) / np.sqrt(2)


def slowly(descriptors, spans, threshold=SAME_PERSON):
    """The same by going through all pairs of groups again and again."""
    groups = [[i] for i in range(len(spans))]
    shared = overlapping(spans)

    def apart(a, b):
        if any(shared[i, j] for i in a for j in b):
            return np.inf
        return np.mean([np.linalg.norm(descriptors[i] - descriptors[j]) for i in a for j in b])

    while len(groups) > 1:
        found = {(i, j): apart(groups[i], groups[j]) for j in range(len(groups)) for i in range(j)}
        (i, j), least = min(found.items(), key=lambda pair: pair[1])
        if least >= threshold:
            break
        groups[i] += groups.pop(j)
    return [min(next(g for g in groups if i in g)) for i in range(len(spans))]


def test_tracks_of_one_person_come_together():
    assert group(planted([0, 1, 0, 2, 1, 0]), ONE_BY_ONE).tolist() == [0, 1, 0, 3, 1, 0]


def test_two_at_the_same_time_are_never_one_person():
    spans = np.array([[0, 9], [5, 14], [20, 29]])
    descriptors = planted([0, 0, 0])
    descriptors[2] = descriptors[1]
    assert group(descriptors, spans).tolist() == [0, 1, 1]
    # Nor by way of a third one, with which either could be together.
    assert len(set(group(planted([0, 0, 0]), spans)[:2])) == 2


def test_a_track_that_was_not_described_stays_by_itself():
    descriptors = planted([0, 0, 0])
    descriptors[1] = np.nan
    assert group(descriptors, ONE_BY_ONE[:3]).tolist() == [0, 1, 0]
    assert group(descriptors[:0], ONE_BY_ONE[:0]).tolist() == []


@pytest.mark.parametrize("seed", range(4))
def test_it_is_average_linkage(seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 60, 14)
    spans = np.column_stack([first, first + rng.integers(0, 12, 14)])
    descriptors = 0.3 * rng.standard_normal((14, 3))
    found = group(descriptors, spans)
    assert found.tolist() == slowly(descriptors, spans)
    assert 1 < len(set(found.tolist())) < 14
