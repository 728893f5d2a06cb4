"""MSP-IMPROV (Busso et al. 2017): twelve actors in six sessions of two, each turn a clip.

    Evaluation.txt
    session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.avi

A clip's name says the sentence and the emotion it was meant for (S01A), the speaker, whose number
is that of the session (F01), the scenario (P, R, S or T) and the turn. Evaluation.txt has a line of
consensus labels for every clip, `UTD-IMPROV-<name>.avi; A; A:2.5; V:3.1; D:2.8 ; N:4.0;`, and after
it a line for every rater.

The emotions are those of Goncalves and Busso 2022: anger, happiness, sadness and neutral by
plurality of the raters; other (O) and no agreement (X) are left out. The attributes are means over
raters, from 1 to 5, mapped linearly to [−1, 1].

Whole sessions are dealt to the splits: the paper keeps speakers apart, and as the two actors of a
session talk to each other, one can be heard in clips of the other.
"""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from features.corpora.item import TIME, Corpus, Item, Work
from features.corpora.labels import class_label
from features.corpora.notes import some_of
from features.corpora.paths import inside
from features.corpora.settings import MspImprovSettings, SplitSettings
from features.corpora.splits import draw_splits
from features.errors import InputError
from features.task import Task

EVALUATION = "Evaluation.txt"
MOST_BYTES = 64 * 2**20
"""Ten times the size of the published Evaluation.txt."""
CLASSES = {"A": "anger", "H": "happiness", "S": "sadness", "N": "neutral"}
ATTRIBUTES = ("valence", "arousal", "dominance")
EMOTION = Task(kind="classification", level="sequence", outputs=tuple(CLASSES.values()))
ATTRIBUTES_OF_CLIP = Task(kind="regression", level="sequence", outputs=ATTRIBUTES)

_NUMBER = r"(\d(?:\.\d+)?|NaN)"
_CLIP = re.compile(
    r"UTD-IMPROV-(?P<name>S\d\d[A-Z]-(?P<speaker>[FM](?P<session>\d\d))-(?P<scenario>[PRST])-\w+)"
    rf"\.avi\s*;\s*(?P<emotion>[AHSNOX])\s*;\s*A:(?P<arousal>{_NUMBER})\s*;"
    rf"\s*V:(?P<valence>{_NUMBER})\s*;\s*D:(?P<dominance>{_NUMBER})\s*;\s*N:{_NUMBER}\s*;",
    re.ASCII,
)
_RATER = re.compile(r"[^;]+;[^;]*;.*\bA:")


class _Clip(NamedTuple):
    """One clip of Evaluation.txt: where it is, and what the raters agreed on."""

    name: str
    path: str
    speaker: str
    session: str
    emotion: str
    attributes: tuple[float, float, float]


def read(root: Path, settings: MspImprovSettings, split: SplitSettings, _work: Work) -> Corpus:
    """The clips that have a label for the task and a video, by name.

    Raises:
        InputError: the corpus is not laid out as above, or a line of Evaluation.txt is malformed.
    """
    clips = read_evaluation(root / EVALUATION)
    split_of = draw_splits((clip.session for clip in clips), split)
    videos = _videos(root, clips)
    filmed = [clip for clip in clips if clip.name in videos]
    if settings.task == "emotion":
        task, labels, notes = EMOTION, *_emotions(filmed)
    else:
        # The scale does not hang on which videos are there.
        task = ATTRIBUTES_OF_CLIP
        labels, notes = _attributes(filmed, calm_is_high=_calm_is_high(clips))
    items = [
        Item(c.name, videos[c.name], c.speaker, split_of[c.session], labels[c.name])
        for c in sorted(filmed)
        if c.name in labels
    ]
    missing = [clip.name for clip in clips if clip.name not in videos]
    if missing:
        notes.append(f"{len(missing)} clips have no video and are left out: {some_of(missing)}")
    notes.append("sessions are dealt to the splits as a whole, their two speakers together")
    return Corpus(task, items, notes=tuple(notes))


def _videos(root: Path, clips: list[_Clip]) -> dict[str, Path]:
    where = str(root / EVALUATION)
    filmed = [clip for clip in clips if (root / clip.path).exists()]
    if not filmed:
        raise InputError(
            f"none of the {len(clips)} clips of {where} is there (looked for {root / clips[0].path}"
            " and so on)",
            "unpack session1 to session6 beside Evaluation.txt",
        )
    return {clip.name: inside(root, clip.path, where) for clip in filmed}


def read_evaluation(file: Path) -> list[_Clip]:
    """The clips of Evaluation.txt, in its order.

    Raises:
        InputError: the file is missing, too large, empty, or has a malformed line.
    """
    if not file.is_file():
        raise InputError(
            f"corpus.root has no {EVALUATION}: there is no file {file}",
            "point corpus.root to the folder with Evaluation.txt and session1 to session6",
        )
    if file.stat().st_size > MOST_BYTES:
        raise InputError(f"{file} is larger than {MOST_BYTES >> 20} MiB", "restore the file")
    clips: dict[str, _Clip] = {}
    # Raters wrote their comments in any encoding; what is read of them is ASCII.
    lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        match = _CLIP.match(line)
        if match is None:
            if line.startswith("UTD-IMPROV") or (line.strip() and not _RATER.match(line)):
                raise InputError(
                    f"{file} line {number} is neither a clip's nor a rater's: {line[:80]!r}",
                    "restore the line",
                )
            continue
        clip = _clip(match)
        if clip.name in clips:
            raise InputError(f"{file} line {number} repeats clip {clip.name}", "drop one of them")
        clips[clip.name] = clip
    if not clips:
        raise InputError(f"{file} has no line of a clip (UTD-IMPROV-…)", "restore the file")
    return list(clips.values())


def _clip(match: re.Match[str]) -> _Clip:
    name = f"MSP-IMPROV-{match['name']}"
    folder = f"session{int(match['session'])}/{match['name'][:4]}/{match['scenario']}"
    valence, arousal, dominance = (float(match[attribute]) for attribute in ATTRIBUTES)
    return _Clip(
        name=name,
        path=f"{folder}/{name}.avi",
        speaker=match["speaker"],
        session=match["session"],
        emotion=match["emotion"],
        attributes=(valence, arousal, dominance),
    )


def _emotions(clips: list[_Clip]) -> tuple[dict[str, pd.DataFrame], list[str]]:
    counts = Counter(clip.emotion for clip in clips)
    label = {letter: class_label({name: 1.0}, EMOTION.outputs) for letter, name in CLASSES.items()}
    labels = {clip.name: label[clip.emotion] for clip in clips if clip.emotion in CLASSES}
    note = (
        f"{counts['O']} clips whose raters agreed on another emotion (O) and {counts['X']} on "
        "which they did not agree (X) are left out"
    )
    return labels, [note]


def _attributes(
    clips: list[_Clip], *, calm_is_high: bool
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    rated = np.array([clip.attributes for clip in clips])
    is_whole = np.all((rated >= 1) & (rated <= 5), axis=1)
    notes = [
        "attributes from 1 to 5 are mapped linearly to [−1, 1]",
        f"{(~is_whole).sum()} clips without valence, arousal or dominance from 1 to 5 are left out",
    ]
    scaled = (rated - 3) / 2
    if calm_is_high:
        scaled[:, 1] *= -1
        notes.append(
            "A of Evaluation.txt is lower for anger than for sadness, so 1 is active and 5 calm: "
            "it is turned round"
        )
    table = pd.DataFrame(scaled, columns=list(ATTRIBUTES)).assign(**{TIME: np.nan})
    labels = {clip.name: table.iloc[[i]] for i, clip in enumerate(clips) if is_whole[i]}
    return labels, notes


def _calm_is_high(clips: list[_Clip]) -> bool:
    """Whether the sad have a higher A than the angry: the scale is the other way round.

    Raters of the corpus clicked at manikins from agitated to calm, and published readers of
    Evaluation.txt differ in whether they turn the numbers round; this tells by the numbers.
    """
    arousal = np.array([clip.attributes[1] for clip in clips])
    emotion = np.array([clip.emotion for clip in clips])
    angry, sad = (arousal[(emotion == e) & np.isfinite(arousal)] for e in "AS")
    return bool(len(angry) and len(sad) and angry.mean() < sad.mean())
