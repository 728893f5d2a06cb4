"""RAVDESS (Livingstone and Russo 2018): 24 actors, each with 60 clips of speech.

    Actor_01/01-01-06-01-02-01-01.mp4, or Video_Speech_Actor_01/Actor_01/…, as its archives unpack

The numbers of a name are modality (01 picture and sound, 02 picture, 03 sound), channel (01 speech,
02 song), emotion, intensity, statement, repetition and actor. Only 01-01-… is read.

The five folds are those that Chumachenko et al. 2022 publish with their code: fold k tests on
actors 4k + 1 to 4k + 4, validates on the next four (after 24 comes 1) and trains on the other 16.
So actors 21 to 24 test in no fold. Odd actors are men and even ones women: every part has as many
of both.
"""

import re
from collections import Counter
from pathlib import Path

from features.corpora.item import Corpus, Item, Split, Work
from features.corpora.labels import class_label
from features.corpora.paths import inside
from features.corpora.settings import RavdessSettings, SplitSettings
from features.errors import InputError
from features.task import Task

CLASSES = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
"""In the order of their codes, 01 to 08."""
ACTORS, CLIPS_OF_ACTOR = 24, 60
PART = 4
"""Actors who test, and who validate."""
FOLDERS = ("Actor_[0-9][0-9]", "Video_Speech_Actor_[0-9][0-9]/Actor_[0-9][0-9]")

_NAME = re.compile(
    r"0(?P<modality>[123])-0(?P<channel>[12])-0(?P<emotion>[1-8])-0[12]-0[12]-0[12]-(?P<actor>\d\d)"
)


def read(root: Path, settings: RavdessSettings, _split: SplitSettings, _work: Work) -> Corpus:
    """The audio-visual clips of speech, by name.

    Raises:
        InputError: there is no such clip, one is there twice or among another actor's, or a name
            is not one of the corpus.
    """
    clips, unread = _find(root)
    if not clips:
        raise InputError(
            f"{root} has no audio-visual clip of speech (looked for 01-01-….mp4 in "
            f"{' and '.join(FOLDERS)})",
            "point corpus.root to where Video_Speech_Actor_01.zip to _24.zip were unpacked",
        )
    classes = CLASSES[-settings.classes :]
    label = {name: class_label({name: 1.0}, classes) for name in classes}
    split_of = fold_splits(settings.fold)
    actors = Counter(int(_parse(path)["actor"]) for path in clips.values())
    items = []
    for name, path in sorted(clips.items()):
        code = _parse(path)
        actor, emotion = code["actor"], CLASSES[int(code["emotion"]) - 1]
        if emotion in label:
            file = inside(root, path, name)
            items.append(Item(name, file, actor, split_of[int(actor)], label[emotion]))
    notes = [f"fold {settings.fold} of 5 over actors"]
    if unread:
        notes.append(f"{unread} files are not audio-visual clips of speech and are left out")
    if len(items) < len(clips):
        notes.append(f"{len(clips) - len(items)} clips are neutral, not one of the 7 classes")
    notes += [
        f"actor {actor:02d} has {actors[actor]} of {CLIPS_OF_ACTOR} clips"
        for actor in range(1, ACTORS + 1)
        if actors[actor] != CLIPS_OF_ACTOR
    ]
    task = Task(kind="classification", level="sequence", outputs=classes)
    return Corpus(task, items, notes=tuple(notes))


def fold_splits(fold: int) -> dict[int, Split]:
    """The split of each actor, 1 to 24, in a fold, 0 to 4.

    >>> splits = fold_splits(4)
    >>> [actor for actor in splits if splits[actor] == "test"]
    [17, 18, 19, 20]
    >>> [actor for actor in splits if splits[actor] == "validation"]
    [21, 22, 23, 24]
    """
    order = [(PART * fold + place) % ACTORS + 1 for place in range(ACTORS)]
    tested, validated = order[:PART], order[PART : 2 * PART]
    splits: dict[int, Split] = dict.fromkeys(order, "train")
    return splits | dict.fromkeys(validated, "validation") | dict.fromkeys(tested, "test")


def _find(root: Path) -> tuple[dict[str, Path], int]:
    """Audio-visual clips of speech by name, relative to root, and the number of other files."""
    clips: dict[str, Path] = {}
    unread = 0
    for folder in FOLDERS:
        for file in sorted(root.glob(f"{folder}/*")):
            path = file.relative_to(root)
            if file.suffix != ".mp4" or not file.stem.startswith("01-01-"):
                unread += 1
                continue
            actor = _parse(path)["actor"]
            if path.parent.name != f"Actor_{actor}":
                raise InputError(f"{file} is of actor {actor} by its name", "move or rename it")
            if file.stem in clips:
                raise InputError(f"{file} is in {root / clips[file.stem]} too", "drop one of them")
            clips[file.stem] = path
    return clips, unread


def _parse(path: Path) -> re.Match[str]:
    code = _NAME.fullmatch(path.stem)
    if code is None or not 1 <= int(code["actor"]) <= ACTORS:
        raise InputError(
            f"{path} does not have the name of a clip", "restore it: 01-01-06-01-02-01-12.mp4"
        )
    return code
