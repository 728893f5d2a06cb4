"""CREMA-D: actors who say a sentence in an emotion, and what raters perceived.

The folder is the repository as it was cloned (github.com/CheyneyComputerScience/CREMA-D) with its
LFS files fetched: a clip is `VideoFlash/1001_IEO_NEU_XX.flv` (actor, sentence, intended emotion,
its level), or an mp4 of the same stem where there is no flv. Its class is the plurality of the
votes, from `processedResults/summaryTable.csv` or, where that is missing, `tabulatedVotes.csv`: the
two agree on every clip. Clips whose votes are tied have no true class: they may train, by the
setting `ties`, and are left out of the other splits, so that settings are compared on the same
clips. The one exception is `drawn`, for which a tied clip has one of its classes in every split:
Goncalves and Busso 2022 have 1067 clips of anger, 1222 of disgust, 1180 of fear, 1230 of happiness,
2071 of neutral and 672 of sadness, all 7,442, and do not say how they settled the 420 ties. Their
counts are what an even draw gives (χ² of 4.5 with 5 degrees of freedom) and what no rule by order,
intention, intensity or other votes gave. The draw here is one that has exactly these counts; which
clip has which class in the paper is not known.

Speakers are split at random from a seed, over all actors of the table, so that splits do not hang
on which files are there. VideoDemographics.csv, where it is there, says by what scores are told
apart: decade of age, sex, race and ethnicity.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from features.corpora.item import Corpus, Item, Work
from features.corpora.labels import class_label
from features.corpora.notes import some_of
from features.corpora.paths import inside
from features.corpora.settings import CremadSettings, SplitSettings
from features.corpora.splits import draw_splits
from features.corpora.table import read_table
from features.errors import InputError
from features.task import Task

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
TASK = Task(kind="classification", level="sequence", outputs=CLASSES)

VOTED = dict(zip("ADFHNS", CLASSES, strict=True))
"""Class by the letter of the votes."""
INTENDED = dict(zip(("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"), CLASSES, strict=True))
"""Class by the third part of a clip's name."""
NAME = re.compile(
    r"(?P<actor>[0-9]{4})_[A-Z]{3}_(?P<intended>ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX)"
)

KNOWN_BAD: Mapping[str, str] = {
    "1064_IEO_DIS_MD": "is not a single clip: the actor says the sentence in every emotion",
    "1064_TIE_SAD_XX": "breaks off within a second",
    "1076_MTI_NEU_XX": "breaks off after a few frames",
    "1076_MTI_SAD_XX": "has no sound",
}

DEMOGRAPHICS = "VideoDemographics.csv"
GROUPS: Mapping[str, str] = {
    "Age": "group_age",
    "Sex": "group_sex",
    "Race": "group_race",
    "Ethnicity": "group_ethnicity",
}
TABLE_FOLDERS = (
    "processedResults",
    ".",
    "data/InfoAndStats/processedResults",
    "data/InfoAndStats",
)
VIDEO_FOLDERS = ("VideoFlash", "data/VideoFlash")
SUMMARY_COLUMNS = {"audio_visual": "MultiModalVote", "voice": "VoiceVote", "face": "FaceVote"}
QUERY_TYPES = {"voice": "1", "face": "2", "audio_visual": "3"}
"""First digit of a row's id in tabulatedVotes.csv."""
DRAW = 452_756
"""Which of the draws of one number a tied clip of the audio-visual votes has the paper's counts."""
POINTER_BYTES = 1024
"""A video is never as small as this, a pointer to a file that Git LFS has not fetched always."""


def read(root: Path, settings: CremadSettings, split: SplitSettings, _work: Work) -> Corpus:
    """The clips that have a class and a video, as their raters perceived them.

    Raises:
        InputError: a table or the videos are missing or malformed; names file, row and column.
    """
    winners = read_winners(root, settings.votes)
    splits = draw_splits((_parse(name)["actor"] for name in winners), split)
    videos, missing = _videos(root, [name for name in winners if name not in KNOWN_BAD])
    tied = {name for name in videos if len(winners[name]) > 1}
    kept = {
        name
        for name in tied
        if settings.ties == "drawn"
        or (settings.ties != "drop" and splits[_parse(name)["actor"]] == "train")
    }
    videos = {name: path for name, path in videos.items() if name not in tied - kept}
    drawn = draw_ties(winners) if settings.ties == "drawn" else {}
    labels: dict[tuple[str, ...], pd.DataFrame] = {}
    groups = read_groups(root)
    items = []
    for name, path in sorted(videos.items()):
        clip, classes = _parse(name), winners[name]
        if name in tied and settings.ties == "intended":
            classes = (INTENDED[clip["intended"]],)
        elif name in drawn:
            classes = (drawn[name],)
        if classes not in labels:  # thousands of clips share a handful of tables
            labels[classes] = class_label(dict.fromkeys(classes, 1 / len(classes)), CLASSES)
        actor = clip["actor"]
        of_actor = groups.get(actor, {})
        items.append(Item(name, path, actor, splits[actor], labels[classes], groups=of_actor))
    bad = {name: reason for name, reason in KNOWN_BAD.items() if name in winners}
    return Corpus(TASK, items, excluded=bad, notes=_notes(settings, tied, kept, missing))


def _notes(
    settings: CremadSettings, tied: set[str], kept: set[str], missing: list[str]
) -> tuple[str, ...]:
    rest = "the others are left out, as in any split but train"
    outcome = {
        "drop": "they are left out",
        "intended": f"{len(kept)} train with the intended emotion, {rest}",
        "soft": f"{len(kept)} train with a label that the tied classes share, {rest}",
        "drawn": "each has one of the tied classes, by a draw",
    }[settings.ties]
    votes = settings.votes.replace("_", "-")
    notes = [f"{len(tied)} clips have no plurality among the {votes} votes: {outcome}"]
    if missing:
        names = some_of(missing)
        notes.append(f"{len(missing)} labelled clips have no video and are left out: {names}")
    return tuple(notes)


def read_winners(root: Path, votes: str) -> dict[str, tuple[str, ...]]:
    """The classes with the most votes, by clip: one, or several where they are tied.

    Args:
        root: folder of the corpus.
        votes: audio_visual, voice or face.

    Raises:
        InputError: there is no table, or one that is malformed; names file, row and column.
    """
    readers = {"summaryTable.csv": _summary_winners, "tabulatedVotes.csv": _tabulated_winners}
    looked_for = [Path(folder, name) for name in readers for folder in TABLE_FOLDERS]
    for path in looked_for:
        if (root / path).exists():
            return readers[path.name](inside(root, path, str(root)), votes)
    raise InputError(
        f"{root} has no table of votes (looked for {', '.join(map(str, looked_for))})",
        "point corpus.root to the clone of CREMA-D",
    )


def draw_ties(winners: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The class of every tied clip by the draw `DRAW`, the same whatever videos are there."""
    tied = sorted(name for name, classes in winners.items() if len(classes) > 1)
    # Every draw before it took a number a clip.
    numbers = np.random.Generator(np.random.PCG64(0).advance(DRAW * len(tied))).random(len(tied))
    return {
        name: winners[name][int(number * len(winners[name]))]
        for name, number in zip(tied, numbers, strict=True)
    }


def read_groups(root: Path) -> dict[str, dict[str, str]]:
    """Values of the columns `group_...` by actor; nothing where the table is not there.

    Raises:
        InputError: the table is malformed; names file, row and column.
    """
    folders = [folder for folder in TABLE_FOLDERS if (root / folder / DEMOGRAPHICS).exists()]
    if not folders:
        return {}
    file = inside(root, Path(folders[0], DEMOGRAPHICS), str(root))
    table = read_table(file)
    for column in ("ActorID", *GROUPS):
        if column not in table:
            raise InputError(f"{file} has no column {column}", "get the file again")
    for row, age in table["Age"].items():
        if not re.fullmatch("[0-9]{1,3}", age):
            raise _bad_value(file, row, "Age", age, "write years")
    table["Age"] = table["Age"].astype(int).floordiv(10).map(lambda decade: f"{decade}0s")
    rows = table[list(GROUPS)].rename(columns=GROUPS).to_dict("records")
    return {
        actor: {str(name): str(value) for name, value in row.items()}
        for actor, row in zip(table["ActorID"], rows, strict=True)
    }


def _summary_winners(file: Path, votes: str) -> dict[str, tuple[str, ...]]:
    """Read summaryTable.csv: a row per clip, `A:D` where anger and disgust are tied."""
    column = SUMMARY_COLUMNS[votes]
    table = _read_columns(file, "FileName", [column])
    for row, letters in table[column].items():
        if not re.fullmatch("[ADFHNS](:[ADFHNS])*", letters):
            raise _bad_value(file, row, column, letters, "write letters of A D F H N S, as A:D")
    winners = table[column].map(lambda letters: tuple(VOTED[x] for x in letters.split(":")))
    return dict(zip(table["FileName"], winners, strict=True))


def _tabulated_winners(file: Path, votes: str) -> dict[str, tuple[str, ...]]:
    """Read tabulatedVotes.csv: a row per clip and kind of rating, a column of counts per class."""
    table = _read_columns(file, "fileName", list(VOTED), row_id=QUERY_TYPES[votes])
    for letter in VOTED:
        for row, count in table[letter].items():
            if not re.fullmatch("[0-9]{1,6}", count):
                raise _bad_value(file, row, letter, count, "write a count")
    counts = table[list(VOTED)].astype(int).rename(columns=VOTED)
    is_winner = counts.eq(counts.max(axis=1), axis=0)
    winners = [tuple(counts.columns[row]) for row in is_winner.to_numpy()]
    return dict(zip(table["fileName"], winners, strict=True))


def _read_columns(file: Path, name: str, columns: list[str], row_id: str = "") -> pd.DataFrame:
    """Columns of a table of clips whose row ids, in its first column, begin with `row_id`."""
    table = read_table(file)
    for column in (name, *columns):
        if column not in table:
            raise InputError(f"{file} has no column {column}", "get the file again")
    table = table[table.iloc[:, 0].str.startswith(row_id)]
    for row, value in table[name].items():
        if not NAME.fullmatch(value):
            raise _bad_value(file, row, name, value, "write a clip as 1001_IEO_NEU_XX")
    for row in table.index[table[name].duplicated()]:
        raise _bad_value(file, row, name, table[name][row], "drop the repeated row")
    return table[[name, *columns]]


def _bad_value(file: Path, row: object, column: str, value: str, remedy: str) -> InputError:
    return InputError(f"{file} row {int(str(row)) + 2} column {column} is {value!r}", remedy)


def _parse(name: str) -> re.Match[str]:
    match = NAME.fullmatch(name)
    assert match is not None  # _read_columns has checked it
    return match


def _videos(root: Path, names: list[str]) -> tuple[dict[str, Path], list[str]]:
    """The video of each clip, and the clips without one."""
    path_of = {
        path.stem: path.relative_to(root)
        for suffix in (".mp4", ".flv")  # of the same stem, flv, the original, wins
        for folder in VIDEO_FOLDERS
        for path in (root / folder).glob("*" + suffix)
    }
    videos = {
        name: inside(root, path_of[name], f"clip {name}") for name in names if name in path_of
    }
    if not videos:
        folders = " or ".join(f"{folder}/" for folder in VIDEO_FOLDERS)
        raise InputError(
            f"{root} has none of the {len(names)} videos (looked for .flv and .mp4 in {folders})",
            "point corpus.root to the clone of CREMA-D, or fetch the videos",
        )
    for name, path in videos.items():
        if path.stat().st_size < POINTER_BYTES:
            raise InputError(
                f"clip {name}: {path} is not a video but a pointer of Git LFS, or cut short",
                "fetch the videos with `git lfs pull`",
            )
    return videos, sorted(set(names) - videos.keys())
