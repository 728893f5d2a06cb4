"""What is predicted, as a table: values, and what each of them rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from features.files import whole
from features.settings import Modality
from features.task import Task
from models.evaluation.calibration import Calibration
from models.recogniser import Card
from pipeline.prediction.people import PERSON, InView, people_notes

PRESENT: Mapping[Modality, str] = {"video": "face_present", "audio": "sound_present"}
BASIS = "basis"
NOT_CAUSAL = (
    "no intervals and no calibrated confidence: those of its evaluation are of answers that know "
    "the rest of the clip, not the past alone"
)
"""Why there are none where frames are answered as they come."""


@dataclass(frozen=True)
class Prediction:
    """What one model says of one clip.

    Attributes:
        clip: the file.
        model: name of the model.
        card: of the model.
        table: a row a frame: `time`, the targets, `face_present` and `sound_present` (0 or 1,
            empty where the model does not look), `basis`, and where its evaluation tells,
            `<target>_low` and `<target>_high`, or `confidence` of classes. Of a model of sequences
            one row, without a time and with the shares of frames in place of 0 and 1.
        notes: sentences on what was missing, and on why it is this seed.
        people: who is in view. Where values are of each of them, `person` is the first column;
            where several are, `sound_of` is the last.
    """

    clip: Path
    model: str
    card: Card
    table: pd.DataFrame
    notes: tuple[str, ...]
    people: InView = field(default_factory=InView)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader has to know before believing a value, a sentence each."""
        return caveats_of(self.card)

    @property
    def file_stem(self) -> str:
        """What its files are called, without a suffix."""
        whose = "people" if PERSON in self.table else ""
        if self.people.asked and not whose:
            whose = f"person-{Path(self.people.asked).stem}"
        return ".".join(filter(None, (self.clip.stem, self.model, whose)))

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of the people whose values are told apart; 0 alone where they are not."""
        return tuple(map(int, self.table[PERSON].unique())) if PERSON in self.table else (0,)

    def of_person(self, number: int) -> pd.DataFrame:
        """The rows of one of `numbers`."""
        return self.table[self.table[PERSON] == number] if number else self.table


def together(of_each: Sequence[Prediction]) -> Prediction:
    """The predictions for each person of a clip as one; a note that is of one names the person."""
    first, everybody = of_each[0], range(1, len(of_each) + 1)
    tables = [p.table.assign(**{PERSON: n}) for n, p in zip(everybody, of_each, strict=True)]
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, PERSON, table.pop(PERSON))
    notes = [note for note in first.notes if all(note in p.notes for p in of_each)]
    for number, prediction in zip(everybody, of_each, strict=True):
        own = people_notes(prediction.people)[-1:]
        more = [note for note in prediction.notes if note not in notes and note not in own]
        notes += [f"person {number}: {note}" for note in more]
    faces = {n: face for p in of_each for n, face in p.people.faces.items()}
    people = InView(first.people.seconds, faces=faces)
    return replace(first, table=table, notes=tuple(notes), people=people)


def table_of(
    task: Task,
    values: NDArray[np.float32],
    times: NDArray[np.float64],
    present: Mapping[Modality, NDArray[np.bool_]],
    received: NDArray[np.bool_],
    calibration: Calibration | None = None,
) -> pd.DataFrame:
    """The table of a prediction.

    Args:
        task: of the model.
        values: (F, outputs) as the network gives them; (1, outputs) of a sequence.
        times: (F,) seconds at which frames begin.
        present: (F,) of each modality that the model sees, whether a frame has a face, or sound.
        received: (F,), whether the network received anything in the frame's window; (1,) of a
            sequence. Where it did not, values are empty.
        calibration: what outputs are worth; columns of it follow `basis`.
    """
    if task.kind == "classification":
        values = softmax(values, axis=-1)
    else:
        columns = [task.in_units(t, values[:, i]) for i, t in enumerate(task.outputs)]
        values = np.stack(columns, axis=1)
    known = np.where(received[:, None], values, np.nan)
    table = pd.DataFrame(known, columns=list(task.outputs))
    is_sequence = task.level == "sequence"
    if not is_sequence:
        table.insert(0, "time", times)
    for modality, column in PRESENT.items():
        frames = present.get(modality)
        if frames is None:
            table[column] = np.nan
        else:
            table[column] = frames.mean() if is_sequence else frames.astype(int)
    if is_sequence:
        present = {modality: np.array([frames.any()]) for modality, frames in present.items()}
    table[BASIS] = basis_of(present)
    if calibration is not None:
        for name, values_beside in calibration.columns(task, known, list(table[BASIS])).items():
            table[name] = values_beside
    return table


def basis_of(present: Mapping[Modality, NDArray[np.bool_]]) -> list[str]:
    """What there is of each frame, of what a model sees: both, audio, video or none.

    >>> basis_of({"audio": np.array([True, True, False]), "video": np.array([True, False, False])})
    ['both', 'audio', 'none']
    """
    return [
        "both" if len(there) == 2 else there[0] if there else "none"
        for frame in zip(*present.values(), strict=True)
        for there in [[m for m, is_there in zip(present, frame, strict=True) if is_there]]
    ]


def caveats_of(card: Card) -> tuple[str, ...]:
    """What a reader has to know of a model before believing it."""
    sentences = []
    if card.synthetic_corpus:
        sentences.append(
            "trained on the synthetic demo corpus: a trial, not a reading of real faces"
        )
    sentences += [f"{name} with random weights, not trained" for name in card.random_weights]
    return tuple(sentences)


def missing_notes(
    card: Card,
    times: NDArray[np.float64],
    decoded: NDArray[np.bool_],
    present: Mapping[Modality, NDArray[np.bool_]],
) -> list[str]:
    """Sentences on what is missing of what a model sees.

    Args:
        card: of the model.
        times: (F,) seconds at which frames begin.
        decoded: (F,), whether a picture begins with the frame.
        present: as of `table_of`.
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    length = len(times) * step
    names: dict[Modality, str] = {"video": "a face", "audio": "sound"}
    found = [f"{names[m]} in {present[m].mean():.0%}" for m in names if m in present]
    notes = [f"{', '.join(found)} of the frames"]
    if "video" in present and not decoded.all():
        notes.append(f"no picture for {(~decoded).sum() * step:.1f} s of {length:.1f} s")
    if "audio" in present and present["audio"].any() and not present["audio"].all():
        silent = (~present["audio"]).sum() * step
        notes.append(f"no sound for {silent:.1f} s of {length:.1f} s")
    for modality, name in names.items():
        if modality in present and not present[modality].any():
            what = name.removeprefix("a ")
            notes.append(f"no {what} at all: {card.name} had to do without {modality}")
    return notes


def answer_note(card: Card, table: pd.DataFrame) -> list[str]:
    """The answer of a model of sequences as a sentence, the likeliest class first."""
    if card.task.level != "sequence":
        return []
    outcome = table[list(card.task.outputs)].iloc[0]
    if card.task.kind == "classification":
        outcome = outcome.sort_values(ascending=False)
    return [", ".join(f"{name} {value:.2f}" for name, value in outcome.items())]


# ------------------------------------------------------------------ files


def write_csv(prediction: Prediction, path: Path) -> None:
    """Write the table, after comments that say whose it is and what it is worth.

    `read_csv`, or pandas' own with `comment="#"`, reads it.
    """
    lines = [f"{prediction.clip.name}, {prediction.model}, seed {prediction.card.seed}"]
    lines += [*prediction.caveats, 'lines with # in front are comments: pandas, comment="#"']
    with whole(path) as place, place.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {_one_line(line)}\n" for line in lines)
        prediction.table.to_csv(file, index=False, float_format="%.5f")


def read_csv(path: str | Path) -> pd.DataFrame:
    """The table of a prediction that was written before."""
    with Path(path).open(encoding="utf-8") as file:
        comments = sum(1 for _ in takewhile(lambda line: line.startswith("#"), file))
    return pd.read_csv(path, skiprows=comments)


def _one_line(text: str) -> str:
    """A text without line breaks: a file may have any name."""
    return " ".join(text.split())
