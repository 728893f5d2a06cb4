"""Whose clips are learnt from, and whose choose the epoch."""

import pytest

from features.errors import InputError
from models.training.speakers import parts, split_speakers, training_items
from models.training.stores import Listed


def item(name, speaker, split="train", *, labelled=True):
    return Listed(name, speaker, split, labelled)


def corpus(speakers, clips=3):
    return [item(f"s{s}c{c}", f"speaker{s}") for s in range(speakers) for c in range(clips)]


def test_training_items_are_the_labelled_ones_of_the_train_split():
    items = [
        item("a", "1"),
        item("b", "2", labelled=False),
        item("c", "3", "validation"),
        item("d", "4", "test"),
    ]
    assert training_items(items, 0.2) == items[:1]
    assert training_items(items, "validation") == [items[0], items[2]]
    for heldout in (0.2, "validation"):
        with pytest.raises(InputError, match="no item of the train split has labels"):
            training_items(items[1:], heldout)


@pytest.mark.parametrize(
    ("speakers", "share", "heldout"),
    [(2, 0.01, 1), (2, 0.99, 1), (5, 0.2, 1), (10, 0.2, 2), (10, 0.5, 5), (10, 0.99, 9)],
)
def test_whole_speakers_are_held_out(speakers, share, heldout):
    items = corpus(speakers)
    speaker_of = {i.item: i.speaker for i in items}
    for seed in range(5):
        learning, chosen_by = split_speakers(items, share, seed)
        assert sorted(learning + chosen_by) == sorted(speaker_of)
        sides = [{speaker_of[name] for name in side} for side in (learning, chosen_by)]
        assert sides[0].isdisjoint(sides[1])
        assert [len(side) for side in sides] == [speakers - heldout, heldout]


def test_the_seed_draws_the_speakers():
    items = corpus(10)
    drawn = [tuple(split_speakers(items, 0.3, seed)[1]) for seed in range(10)]
    assert drawn == [tuple(split_speakers(items, 0.3, seed)[1]) for seed in range(10)]
    assert len(set(drawn)) > 5
    order = sorted(split_speakers(items[::-1], 0.3, 4)[1])
    assert order == sorted(drawn[4])


def test_one_training_speaker_is_too_few():
    with pytest.raises(InputError, match=r"train\.heldout needs two training speakers"):
        split_speakers(corpus(1), 0.2, 0)


def test_the_validation_split_can_choose_the_epoch():
    items = [*corpus(3), item("v", "9", "validation")]
    learning, chosen_by = parts(items, "validation", 0)
    assert learning == [i.item for i in items[:-1]]
    assert chosen_by == ["v"]
    assert parts(items[:-1], 0.4, 1) == split_speakers(items[:-1], 0.4, 1)
    with pytest.raises(InputError, match="no labelled item is in that split"):
        parts(items[:-1], "validation", 0)
