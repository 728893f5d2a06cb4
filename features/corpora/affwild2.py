"""Aff-Wild2: people on YouTube, with valence and arousal, or an expression, of every frame.

The folder holds, as they were unpacked, the annotations of a challenge and the videos. Annotations
of valence and arousal are `VA_Estimation_Challenge/{Train_Set,Validation_Set}/<name>.txt` (2022 and
later) or `VA_Set/{Training_Set,Validation_Set}/<name>.txt` (2020), those of expressions
`EXPR_Classification_Challenge/{Train_Set,Validation_Set}/<name>.txt`, in the folder itself or one
below, such as `annotations/`. Videos lie in any folder directly below: `batch1`, `batch2`, ...
`cropped_aligned/<name>/00001.jpg` is there if it was downloaded. Action units are not read.

- Labels: a row per frame. Valence and arousal outside [−1, 1], such as −5, are kept here and count
  nowhere; a frame of expression −1 is not labelled.
- Subjects: `x_left` and `x_right` are people in the video `x`, whose sound they share. A name
  without a side beside one with is the person on the other side, as `video2` beside `video2_left`.
- Splits are the official sets. Subjects of one video that are in several would share its sound
  across splits: the validation set keeps it before the test set, and that before the train set.
- Speakers: the corpus names none. All subjects of a video count as one, so that it is never divided
  when speakers are held out, and so do the videos that were cut from one upload (`video45_1`,
  `28-30-1280x720-2`), unless the official sets, in which nobody is twice, take them apart.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from features.corpora.folder import SUFFIXES
from features.corpora.item import Corpus, Item, Side, Split, Work
from features.corpora.notes import some_of
from features.corpora.paths import MAC_FOLDER, inside, leads_outside
from features.corpora.settings import AffWild2Settings, SplitSettings
from features.corpora.tracks import TRACKS, Track
from features.errors import InputError

SETS: Mapping[str, Split] = {
    "Train_Set": "train",
    "Training_Set": "train",
    "Validation_Set": "validation",
}
PRECEDENCE: tuple[Split, ...] = ("validation", "test", "train")
"""Which set keeps a video that several have: those that results are published on come first."""
CROPS = "cropped_aligned"
MOST_LISTED_BYTES = 2**20
"""Largest test list that is read; the published ones have some hundred names."""
OPPOSITE: Mapping[Side, Side] = {"left": "right", "right": "left"}
PART = re.compile(r"([0-9]+-[0-9]+-[0-9]+x[0-9]+)-[0-9]+|(video[0-9]+)_[0-9]+")
"""Name of a video that was cut from a longer one."""


@dataclass(frozen=True)
class Subject:
    """A name in one of the sets, and whom in which video it stands for.

    Attributes:
        name: of the annotation file, or in the test list.
        split: by the set.
        annotation: None where there are no labels.
        video: stem of the video, empty where it is missing.
        side: left or right, empty for the main face.
    """

    name: str
    split: Split
    annotation: Path | None
    video: str = ""
    side: Side = ""


def read(root: Path, settings: AffWild2Settings, _split: SplitSettings, _work: Work) -> Corpus:
    """The annotated subjects whose video is there, and those of the test list.

    Raises:
        InputError: the layout is unknown (names what was looked for), or a file is malformed (names
            it, row and column).
    """
    track = TRACKS[settings.track]
    annotated = _annotated(root, track)
    names = {subject.name for subject in annotated}
    listed = [subject for subject in _listed(root, settings.test_list) if subject.name not in names]
    videos = _videos(root)
    subjects = _with_sides([_with_video(subject, videos) for subject in annotated + listed])
    if not any(subject.video for subject in subjects):
        raise InputError(
            f"{root} has no video of its {len(subjects)} subjects (looked for their names with the "
            "suffix of a video, in the folders directly below)",
            "put batch1 and batch2 there",
        )
    excluded = _shared_across_sets(subjects)
    if settings.crops == "aligned":
        excluded |= _without_crops(root, [subject for subject in subjects if subject.video])
    kept = [subject for subject in subjects if subject.video and subject.name not in excluded]
    speakers = _speakers(kept)
    items = [
        Item(
            name=subject.name,
            path=inside(root, videos[subject.video], f"video of {subject.name}"),
            speaker=speakers[subject.name],
            split=subject.split,
            labels=track.read(subject.annotation) if subject.annotation else None,
            side=subject.side,
            crops=root / CROPS / subject.name if settings.crops == "aligned" else None,
        )
        for subject in sorted(kept, key=lambda subject: subject.name)
    ]
    unused = len(videos.keys() - {subject.video for subject in subjects})
    return Corpus(track.task, items, excluded, _notes(track, items, subjects, unused))


def _notes(
    track: Track, items: list[Item], subjects: list[Subject], unused: int
) -> tuple[str, ...]:
    targets = list(track.task.outputs)
    labels = [item.labels[targets].to_numpy() for item in items if item.labels is not None]
    rows = sum(len(values) for values in labels)
    # What is not a number is not smaller either.
    invalid = sum(
        int((~(np.abs(values) <= track.task.high)).any(axis=1).sum()) for values in labels
    )
    notes = [
        f"{invalid} of {rows} labels {track.invalid}: their frames are input and count nowhere",
        "labels have a row per frame; frames after the last row have none, rows after the last "
        "frame are left out (stage windows reports both)",
        "no speakers are known: a video with all its subjects counts as one, and so do the videos "
        "cut from one upload",
    ]
    missing = [subject.name for subject in subjects if not subject.video]
    if missing:
        notes.append(f"{len(missing)} subjects have no video and are left out: {some_of(missing)}")
    inferred = [s.name for s in subjects if s.side and not s.name.endswith(f"_{s.side}")]
    if inferred:
        notes.append(
            f"{len(inferred)} names have no side, but share their video with one that has and are "
            f"taken for the other: {some_of(inferred)}"
        )
    if unused:
        notes.append(f"{unused} videos are in none of the sets read and are left out")
    return tuple(notes)


# ---------------------------------------------------------------------- who is in which video


def _with_video(subject: Subject, videos: Mapping[str, Path]) -> Subject:
    if subject.name in videos:
        return replace(subject, video=subject.name)
    for side in OPPOSITE:
        base = subject.name.removesuffix(f"_{side}")
        if base in videos:
            return replace(subject, video=base, side=side)
    return subject


def _with_sides(subjects: list[Subject]) -> list[Subject]:
    """Give subjects without a side the one that the other subject of their video leaves."""
    sides: dict[str, set[Side]] = defaultdict(set)
    for subject in subjects:
        if subject.side:
            sides[subject.video].add(subject.side)
    return [
        replace(subject, side=OPPOSITE[next(iter(sides[subject.video]))])
        if not subject.side and len(sides[subject.video]) == 1
        else subject
        for subject in subjects
    ]


def _shared_across_sets(subjects: list[Subject]) -> dict[str, str]:
    """The subjects whose video, and so whose sound, a set that comes before theirs has too."""
    first: dict[str, Split] = {}
    for split in PRECEDENCE:
        for subject in subjects:
            if subject.video and subject.split == split:
                first.setdefault(subject.video, split)
    return {
        s.name: f"in the {s.split} set, but shares its video with a subject in the {kept} set"
        for s in subjects
        if (kept := first.get(s.video, s.split)) != s.split
    }


def _speakers(subjects: list[Subject]) -> dict[str, str]:
    """The speaker of each subject, by name: the upload, in each of the sets that it is in."""
    sets: dict[str, set[Split]] = defaultdict(set)
    uploads = {}
    for subject in subjects:
        part = PART.fullmatch(subject.video)
        uploads[subject.name] = (part[1] or part[2]) if part else subject.video
        sets[uploads[subject.name]].add(subject.split)
    return {
        subject.name: upload if len(sets[upload]) == 1 else f"{upload}_{subject.split}"
        for subject, upload in zip(subjects, uploads.values(), strict=True)
    }


# ---------------------------------------------------------------------- what is there


def _annotated(root: Path, track: Track) -> list[Subject]:
    places = [folder / name for folder in (root, *_folders(root)) for name in track.folders]
    folders = [place for place in places if place.is_dir()]
    if not folders:
        sought = " or ".join(f"{name}/" for name in track.folders)
        raise InputError(
            f"{root} has no annotations of {track.what} (looked for {sought}, in it and in "
            "the folders directly below)",
            "point corpus.root to the unpacked Aff-Wild2",
        )
    if len(folders) > 1:
        raise InputError(
            f"{folders[0]} and {folders[1]} both have annotations", "remove one of them"
        )
    subjects: dict[str, Subject] = {}
    for folder, split in SETS.items():
        for file in sorted((folders[0] / folder).glob("[!.]*.txt")):
            if file.stem in subjects:
                raise InputError(f"{file} is also in {subjects[file.stem].annotation}", "drop one")
            path = inside(root, file.relative_to(root), str(root))
            subjects[file.stem] = Subject(_checked(file.stem, str(file)), split, path)
    for split in ("train", "validation"):
        if not any(subject.split == split for subject in subjects.values()):
            sought = " or ".join(f"{folder}/" for folder in SETS if SETS[folder] == split)
            raise InputError(
                f"{folders[0]} has no .txt in {sought}", "unpack the annotations again"
            )
    return list(subjects.values())


def _listed(root: Path, test_list: str | None) -> list[Subject]:
    if test_list is None:
        return []
    file = inside(root, test_list, "corpus.affwild2.test_list")
    if file.stat().st_size > MOST_LISTED_BYTES:
        raise InputError(
            f"{file} is larger than any list of videos", "check corpus.affwild2.test_list"
        )
    lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    names = {line.strip(): row for row, line in enumerate(lines, 1) if line.strip()}
    return [
        Subject(_checked(name, f"{file} line {row}"), "test", None) for name, row in names.items()
    ]


def _checked(name: str, where: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise InputError(f"{where}: {name!r} is not a name of Aff-Wild2", "drop it")
    return name


def _videos(root: Path) -> dict[str, Path]:
    """The videos below the root, relative to it, by stem."""
    videos: dict[str, Path] = {}
    for folder in _folders(root):
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                if path.stem in videos:
                    raise InputError(f"{path} is also in {root / videos[path.stem]}", "drop one")
                videos[path.stem] = path.relative_to(root)
    return videos


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise InputError(f"corpus.root {root} is not a folder", "point it to the unpacked corpus")
    folders = (path for path in root.iterdir() if path.is_dir())
    return sorted(path for path in folders if path.name[0] != "." and path.name != MAC_FOLDER)


def _without_crops(root: Path, subjects: list[Subject]) -> dict[str, str]:
    """The subjects whose aligned pictures are missing."""
    if not (root / CROPS).is_dir():
        raise InputError(
            f"{root} has no {CROPS}/, and corpus.affwild2.crops is aligned",
            "unpack it, or set crops to detect",
        )
    excluded = {}
    for subject in subjects:
        folder = root / CROPS / subject.name
        if leads_outside(root, folder):
            raise InputError(f"{folder} leads outside the corpus", "move it into the corpus")
        if not folder.is_dir():
            excluded[subject.name] = f"there is no folder {CROPS}/{subject.name}"
    if len(excluded) == len(subjects):
        raise InputError(
            f"{root / CROPS} has a folder for none of the {len(subjects)} subjects",
            "unpack it again, or set crops to detect",
        )
    return excluded
