"""CMU-MOSEI (Zadeh et al. 2018): features of spoken sentences from YouTube, and their sentiment.

MOSI (Zadeh et al. 2016) is read likewise, from pickles of the same form: mosi_data.pkl and
mosi_data_noalign.pkl, whose sound and picture have other widths.

Two forms of it are read. Their features are COVAREP (74) of the sound and FACET (35) or OpenFace of
the picture; what is not finite among them is set to 0.

- The pickles of Tsai et al. 2019, the protocol of Chumachenko et al. 2022: sentences padded with
  zeros to the same length, split into train, valid and test. The padding is cut off. In
  mosei_senti_data.pkl a row is a word; mosei_senti_data_noalign.pkl has sound and picture at rates
  of their own, so the shorter of the two is stretched to the longer: each of its frames takes the
  row at the same part of the sentence. A frame's time is its part of the sentence's duration.
- The .csd files of the CMU Multimodal SDK: a sentence has 15 frames per second, and a frame takes
  the row of either modality whose interval holds the frame's centre. The SDK has its standard folds
  in code and not in a file, so the split comes from a folds.csv beside the files (columns video and
  split: train, validation, test) or, without one, is drawn by video.

A frame whose row is all zeros, or that has no row, counts as without sound or face. A row of zeros
at the end of a padded sentence is taken for padding. The pickles are mapped into memory and not
loaded, so that a process needs some 100 MB of its own for any size; of .csd files the last two
videos are held.
"""

import hashlib
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from features.corpora.item import SPLITS, TIME, Corpus, Features, Item, Split, Work
from features.corpora.mosei_files import SECTIONS, CsdSource, PickleSource, Sentence, Source
from features.corpora.paths import inside
from features.corpora.registry import CORPORA
from features.corpora.settings import CmuMoseiSettings, SplitSettings
from features.corpora.splits import draw_splits
from features.corpora.table import read_table
from features.errors import InputError
from features.hashes import hash_of_file
from features.task import Task

TASK = Task(kind="sentiment", level="sequence", outputs=("sentiment",), low=-3.0, high=3.0)
PICKLES = {
    "unaligned": ("mosei_senti_data_noalign.pkl", "mosi_data_noalign.pkl"),
    "aligned": ("mosei_senti_data.pkl", "mosi_data.pkl"),
}
"""Of MOSEI, and of MOSI."""
LABELS, AUDIO = "CMU_MOSEI_Labels.csd", "CMU_MOSEI_COVAREP.csd"
VISUAL = {"facet": "CMU_MOSEI_VisualFacet42.csd", "openface": "CMU_MOSEI_VisualOpenFace2.csd"}
SOUND = "covarep"
"""Name of the sound's stream."""
FOLDS = "folds.csv"
LONGEST_SECONDS = 600
"""Longest sentence that is taken; in the corpus they last some 7 s."""


def read(root: Path, settings: CmuMoseiSettings, split: SplitSettings, _work: Work) -> Corpus:
    """The sentences with a sentiment from −3 to 3 and at least one frame.

    Raises:
        InputError: a file is missing, malformed or asks for code to be run.
    """
    files = _files(root, settings)
    source = _source(root, settings)
    sentences = list(source.sentences.values())
    split_of, notes = _splits(root, sentences, split)
    items, excluded, cleaned = [], {}, np.zeros(2, int)
    for sentence in sentences:
        fault = _fault(sentence)
        frames = None if fault else source.frames(sentence)
        if frames is None or not len(frames[0]):
            excluded[sentence.name] = fault or "it has no frame of sound or picture"
        elif sentence.name in split_of:
            cleaned += [np.count_nonzero(~np.isfinite(part)) for part in frames]
            label = pd.DataFrame({TIME: [np.nan], TASK.outputs[0]: [sentence.sentiment]})
            items.append(Item(sentence.name, None, sentence.video, split_of[sentence.name], label))
    notes.append(
        f"{cleaned[0]} values of the sound and {cleaned[1]} of the picture are infinite or no "
        "number: set to 0"
    )
    return Corpus(
        TASK,
        items,
        excluded,
        tuple(notes),
        gives={name: CORPORA["cmu_mosei"].gives[name] for name in (visual_of(settings), SOUND)},
        features=partial(features, root, settings),
        identity=_identity(files, settings),
        normalise_video=True,
    )


def visual_of(settings: CmuMoseiSettings) -> str:
    """Name of the picture's stream: `facet` or `openface`; the pickles have FACET's."""
    return settings.visual if settings.source == "csd" else "facet"


def features(root: Path, settings: CmuMoseiSettings, name: str) -> dict[str, Features]:
    """The streams of the sentence `name`, cleaned, on one clock."""
    source = _source(root, settings)
    sentence = source.sentences[name]
    audio, video = (np.where(np.isfinite(part), part, 0) for part in source.frames(sentence))
    seconds = (sentence.end - sentence.start) / len(audio)
    times = np.arange(len(audio), dtype=np.float64) * seconds
    return {
        visual_of(settings): Features(times, video, (video != 0).any(axis=1)),
        SOUND: Features(times, audio, (audio != 0).any(axis=1)),
    }


@cache
def _source(root: Path, settings: CmuMoseiSettings) -> Source:
    """The source, opened once in a process."""
    files = _files(root, settings)
    if settings.source == "csd":
        return CsdSource(*files)
    return PickleSource(*files, is_aligned=settings.source == "aligned")


def _files(root: Path, settings: CmuMoseiSettings) -> list[Path]:
    if settings.source == "csd":
        names = [LABELS, AUDIO, VISUAL[settings.visual]]
    else:
        names = [_pickle(root, PICKLES[settings.source])]
    for name in names:
        if not (root / name).exists():
            raise InputError(
                f"corpus.root {root} has no {name} (looked for {', '.join(names)})",
                "put the files side by side into corpus.root, or change corpus.cmu_mosei.source",
            )
    return [inside(root, name, str(root)) for name in names]


def _pickle(root: Path, names: tuple[str, ...]) -> str:
    """The one that is there; the first, for messages, where none is."""
    there = [name for name in names if (root / name).exists()]
    if len(there) > 1:
        raise InputError(f"corpus.root {root} has {' and '.join(there)}", "leave one there")
    return (there or names)[0]


def _identity(files: list[Path], settings: CmuMoseiSettings) -> str:
    parts = [settings.model_dump_json(), *(hash_of_file(file) for file in files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _fault(sentence: Sentence) -> str:
    """Why a sentence cannot be used; empty where it can."""
    if not TASK.low <= sentence.sentiment <= TASK.high:  # so NaN is at fault too
        return f"its sentiment is {sentence.sentiment}"
    if not 0 < sentence.end - sentence.start <= LONGEST_SECONDS or sentence.start < 0:
        return f"it lasts from {sentence.start} to {sentence.end} s"
    return ""


def _splits(
    root: Path, sentences: list[Sentence], settings: SplitSettings
) -> tuple[dict[str, Split], list[str]]:
    """The split of each sentence that is in one, by its name, and what there is to say of it."""
    if sentences and sentences[0].section:
        return _sections(sentences)
    if not (root / FOLDS).exists():
        of_video = draw_splits((s.video for s in sentences), settings)
        note = f"videos are dealt to the splits at random: there is no {FOLDS}"
        return {s.name: of_video[s.video] for s in sentences}, [note]
    of_video = _read_folds(inside(root, FOLDS, str(root)))
    split_of = {s.name: of_video[s.video] for s in sentences if s.video in of_video}
    note = f"{len(sentences) - len(split_of)} sentences are of no video in {FOLDS}: left out"
    return split_of, [note]


def _sections(sentences: list[Sentence]) -> tuple[dict[str, Split], list[str]]:
    """The split by section; a video in several stays in the last, as no speaker is in two."""
    last: dict[str, str] = {}
    for section in SECTIONS:
        last |= {s.video: section for s in sentences if s.section == section}
    as_split = dict(zip(SECTIONS, SPLITS, strict=True))
    split_of = {s.name: as_split[s.section] for s in sentences if s.section == last[s.video]}
    dropped = len(sentences) - len(split_of)
    note = f"{dropped} sentences are of a video that a later section has too: left out"
    return split_of, [note] if dropped else []


def _read_folds(file: Path) -> dict[str, Split]:
    table = read_table(file)
    for column in ("video", "split"):
        if column not in table:
            raise InputError(f"{file} has no column {column}", "its columns are video and split")
    for row in table.index[~table["split"].isin(SPLITS) | table["video"].duplicated()]:
        raise InputError(
            f"{file} row {row + 2} has video {table['video'][row]!r} and split "
            f"{table['split'][row]!r}",
            f"name each video once, and write one of {', '.join(SPLITS)}",
        )
    return dict(zip(table["video"], table["split"], strict=True))
