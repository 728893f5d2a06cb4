"""A saved recogniser on another corpus: whether it fits, and in what its streams differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from features.errors import InputError
from features.extractors.settings import StreamSettings
from features.settings import Modality, Settings
from features.task import Task
from models.recogniser import WEIGHTS, Card, read_card
from models.settings.saved import CARD

FILES = (CARD, WEIGHTS)
"""What a saved recogniser consists of."""
CHANGES_LITTLE = {"batch_size", "weights"}
"""Settings of a stream that are not compared: of weights the sha256 is."""


def read_saved(saved: str, seed: int) -> tuple[Path, Card]:
    """The folder and the card of a saved recogniser.

    Args:
        saved: that folder, or one with a folder `seed-N` for each seed.
        seed: which one, where there are several.

    Raises:
        InputError: there is none of this seed, or it is of another version.
    """
    path = Path(saved)
    folder = path if (path / CARD).is_file() else path / f"seed-{seed}"
    for name in FILES:
        if not (folder / name).is_file():
            raise InputError(
                f"{folder} has no {name}",
                "copy the whole folder of the model, or correct its path or train.seeds",
            )
    return folder, read_card(folder)


def files_of(saved: str) -> list[Path]:
    """The files of every seed of a saved recogniser, sorted."""
    path = Path(saved)
    return sorted(
        file
        for folder in (path, *path.glob("seed-*"))
        for file in (folder / name for name in FILES)
        if file.is_file()
    )


def check_fits(
    card: Card, name: str, task: Task, seen: Mapping[Modality, str], widths: Mapping[Modality, int]
) -> None:
    """Refuse a saved recogniser that cannot see or answer what a corpus has.

    Args:
        card: of the recogniser.
        name: of the model in params.yaml.
        task: of the corpus.
        seen: names of the streams that the model sees here.
        widths: numbers of a step's input vector of each.

    Raises:
        InputError: it recognises something else, or other modalities, or rows of another width.
    """
    if card.task != task:
        other = _differing("", task.model_dump(), card.task.model_dump())
        raise InputError(
            f"the saved model of models.{name} recognises another task than the corpus has: "
            f"{'; '.join(other)}",
            "choose a model of the same task, or other settings of the corpus",
        )
    if set(seen) != set(card.streams):
        raise InputError(
            f"the saved model of models.{name} sees {' and '.join(card.streams)}",
            f"let models.{name}.sees name a stream of each",
        )
    for modality, width in widths.items():
        if width != card.inputs[modality]:
            raise InputError(
                f"stream {seen[modality]} of models.{name} has {width} numbers a step, and the "
                f"saved model takes {card.inputs[modality]}",
                "describe the stream as it was described where the model was trained",
            )


def differences(
    card: Card, seen: Mapping[Modality, str], parts: Mapping[Modality, Sequence[StreamSettings]]
) -> list[str]:
    """In what streams here differ from those that a recogniser has learnt from.

    Args:
        card: of the recogniser.
        seen: names of the streams that it sees here.
        parts: settings of the streams that hold their rows.

    Returns:
        A part of a sentence each: `fc6.input_size is 96, it was 224`.
    """
    found: list[str] = []
    for modality, stream in card.streams.items():
        here, learnt = parts[modality], stream.parts
        if len(here) != len(learnt):
            found.append(f"{seen[modality]} joins {len(here)} streams, it was {len(learnt)}")
        for now, before in zip(here, learnt, strict=False):
            found += _differing(f"{seen[modality]}.", _compared(now), _compared(before))
    return found


def _compared(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude=CHANGES_LITTLE)


def _differing(prefix: str, now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    return [
        f"{prefix}{key} is {now.get(key)}, it was {before.get(key)}"
        for key in dict.fromkeys([*now, *before])
        if now.get(key) != before.get(key)
    ]
