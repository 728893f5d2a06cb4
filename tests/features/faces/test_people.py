"""Who is in films of two portraits, and whose face is cut out."""

import cv2
import numpy as np
import pytest

from features.errors import InputError
from features.faces import descriptors
from features.faces.descriptors import Describing, good_sightings
from features.faces.extract import look
from features.faces.people import NOBODY, describe, describing, people_of, seconds_of
from features.faces.track import Track
from features.media import decoding as media
from features.settings import FaceSettings
from tests.helpers.face_factory import CLIPS, extracted, film
from tests.helpers.people_films import FILMS, HEIGHT, RATE, cut, make_film, mistakes, swapped

SMALL = FaceSettings(working_height=HEIGHT, size=32)
PERSON = SMALL.model_copy(update={"subject": "person"})

IN_VIEW = {  # seconds of each person, and how many there are in each frame
    "side by side": ([0.8, 0.8], [2] * 8),
    "swapped": ([1.4, 1.4], [2] * 14),
    "cut": ([1.1, 0.5], [1] * 16),
    "picture-in-picture": ([1.4, 1.4], [2] * 14),
    "leaving and coming back": ([1.2], [1] * 6 + [0] * 8 + [1] * 6),
    "a poster on the wall": ([1.2, 0.8], [2] * 8 + [1] * 4),
}


def people_in(path, settings=SMALL):
    seen = look(path, settings)
    found = describing(seen.tracks, seen.times)
    describe(found, media.frames(path))
    return seen, people_of(seen.tracks, seen.times, found)


@pytest.mark.parametrize("name", FILMS)
def test_everybody_is_found_and_nobody_taken_for_another(name, tmp_path):
    frames = FILMS[name]()
    seen, people = people_in(make_film(tmp_path / "film.mp4", frames))
    assert mistakes(frames, seen.tracks, people.identity) == 0
    seconds, in_view = IN_VIEW[name]
    shown = np.bincount(people.identity, people.seconds)
    np.testing.assert_allclose(shown, seconds, atol=1e-3)
    assert people.in_view.tolist() == in_view
    # Where all are there at the same time, or one alone, nothing has to be described.
    assert bool(people.descriptors) == (name not in {"side by side", "a poster on the wall"})


@pytest.fixture(scope="module")
def speakers(tmp_path_factory):
    """A film that cuts from one to the other and back, and what was seen in it."""
    path = make_film(tmp_path_factory.mktemp("people") / "speakers.mp4", cut())
    return path, look(path, PERSON)


@pytest.mark.parametrize(
    ("person", "there"),
    [("", [0] * 7 + [2] * 4), ("1", [0] * 7 + [2] * 4), ("2", [1] * 5)],
)
def test_a_person_is_absent_in_the_shots_of_others(speakers, tmp_path, person, there):
    path, seen = speakers
    faces = extracted(tmp_path, path, PERSON, person=person, seen=seen)
    shown = np.isin(faces["track"], there)
    assert faces["track"][shown].tolist() == there
    np.testing.assert_array_equal(faces["present"], shown)
    assert not faces["crops"][~shown].any()
    assert faces["crops"][shown].std(axis=(1, 2, 3)).min() > 20
    assert faces["identity"].tolist() == [0, 1, 0]


def test_a_person_is_named_by_a_picture(speakers, tmp_path):
    path, seen = speakers
    portrait = tmp_path / "face.jpg"
    _, picture = list(media.frames(path))[8]
    cv2.imwrite(str(portrait), picture[..., ::-1])
    faces = extracted(tmp_path / "a", path, PERSON, person=str(portrait), seen=seen)
    assert np.flatnonzero(faces["present"]).tolist() == [7, 8, 9, 10, 11]
    alone = make_film(tmp_path / "alone.mp4", cut()[:4])
    faces = extracted(tmp_path / "b", alone, PERSON, person=str(portrait))
    assert not faces["present"].any(), "the one who is there is somebody else"
    cv2.imwrite(str(portrait), np.full((90, 90, 3), 110, np.uint8))
    with pytest.raises(InputError, match=r"hog finds no face in .*face\.jpg; give a picture"):
        extracted(tmp_path / "c", alone, PERSON, person=str(portrait))
    with pytest.raises(InputError, match=r"none\.jpg is not a picture"):
        extracted(tmp_path / "d", alone, PERSON, person=str(tmp_path / "none.jpg"))


def test_left_and_right_are_people_and_stay_so_when_they_change_places(tmp_path):
    frames = swapped()[:12]
    path = make_film(tmp_path / "film.mp4", frames)
    seen = look(path, PERSON)
    for person, first in (("left", 0), ("right", 1)):
        faces = extracted(tmp_path / person, path, PERSON, person=person, seen=seen)
        assert faces["present"].all()
        left = faces["boxes"][:, 0] < 240
        expected = [face.across < 240 for f in frames for face in f if face.who == first]
        np.testing.assert_array_equal(left, expected)


def test_there_are_only_so_many_people(speakers, tmp_path):
    path, seen = speakers
    with pytest.raises(InputError, match=r"shows 2 people, and person 3 .*; choose from 1 to 2"):
        extracted(tmp_path, path, PERSON, person="3", seen=seen)


def test_the_largest_face_is_the_same_whoever_is_told_apart(speakers, tmp_path, monkeypatch):
    path, _ = speakers
    faces = extracted(tmp_path / "a", path, SMALL)
    monkeypatch.setattr("features.faces.extract.describing", lambda *_, **__: nothing)
    nothing = Describing([], np.zeros(0), [])
    same = extracted(tmp_path / "b", path, SMALL)
    assert faces["present"].all()
    for name in ("crops", "boxes", "scores", "present", "track", "in_view"):
        np.testing.assert_array_equal(faces[name], same[name])
    assert (faces["identity"].tolist(), same["identity"].tolist()) == ([0, 1, 0], [0, 1, 2])


# ------------------------------------------------------------------ what is described


def track(frames, *, score=None, height=1.0):
    boxes = [np.array([0, 0, 1, height])] * len(frames)
    scores = list(score) if score is not None else [1.0] * len(frames)
    return Track(list(frames), [0] * len(frames), boxes, scores, [False] * len(frames))


def test_a_track_is_described_once_in_a_while_where_it_is_seen_best():
    score = np.linspace(0, 1, 300)
    long = track(range(300), score=score)
    assert good_sightings(long, 6.0).tolist() == [149, 239], "a fifth at each end is left out"
    long.interpolated[149] = True
    assert good_sightings(long, 6.0).tolist() == [148, 239]
    assert good_sightings(track(range(2)), 3600.0).tolist() == [0, 1]
    assert len(good_sightings(long, 3600.0)) == 5
    assert len(good_sightings(track([7]), 3600.0)) == 1


def test_what_is_brief_is_nobody_unless_all_is():
    times = np.arange(30) / 10
    tracks = [track(range(2)), track(range(5, 20)), track(range(20, 22))]
    people = people_of(tracks, times, Describing([], np.zeros(0), []))
    assert people.identity.tolist() == [NOBODY, 0, NOBODY]
    assert people.seconds.tolist() == pytest.approx([0.2, 1.5, 0.2])
    assert people.in_view.sum() == 15
    brief = people_of(tracks[:1], times, Describing([], np.zeros(0), []))
    assert brief.identity.tolist() == [0]
    assert describing(tracks, times).last == -1, "there is one who lasts"
    assert seconds_of([], times[:0]).tolist() == []


def test_one_face_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(descriptors, "load_describer", lambda: pytest.fail("it was loaded"))
    path = make_film(tmp_path / "film.mp4", cut()[:4])
    for settings in (SMALL, PERSON):
        faces = extracted(tmp_path / settings.subject, path, settings)
        assert faces["identity"].tolist() == [0]
        assert faces["seconds"].tolist() == pytest.approx([4 / RATE])


@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
def test_a_singer_who_is_lost_and_found_is_one_person_and_a_listener_another():
    seen, people = people_in(film(), FaceSettings(every=5))
    assert [track.frames[0] for track in seen.tracks] == [82, 120, 217]
    assert people.identity.tolist() == [0, 0, 1]
