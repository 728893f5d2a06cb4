"""Prediction for media files: the one function, and the same for several files and models."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.settings import Modality
from models import recogniser
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Failure, failure_of
from pipeline.prediction.clips import extract
from pipeline.prediction.given import Files, check_names, features_alone
from pipeline.prediction.people import (
    Faces,
    InView,
    check_person,
    in_view,
    people_notes,
    say_whose_sound,
)
from pipeline.prediction.recording import CLIP, Recording, open_recording
from pipeline.prediction.table import (
    NOT_CAUSAL,
    Prediction,
    answer_note,
    missing_notes,
    table_of,
    together,
)
from pipeline.prediction.trained import Trained, execution_settings, load_trained

if TYPE_CHECKING:
    from models.training.data import ClipData

BATCH_CLIPS = 32


def predict(
    clip: str | Path | Recording | None,
    model: str | Path | Trained,
    *,
    features: Files = MappingProxyType({}),
    seed: int | None = None,
    causal: bool = False,
    person: str = "",
    people: bool = False,
    allow: Sequence[str] = (),
    execution: ExecutionSettings | None = None,
) -> Prediction:
    """Predict for every frame of a clip, or for the whole of it, as the model does.

    What the model sees is described once and kept in the item cache: another model that sees the
    same, and another call, find it there.

    Args:
        clip: a media file; None where all that the model sees is given as features.
        model: name of a trained model, or the folder of a saved recogniser.
        features: files of those that the model was given in its training, by their name or their
            modality.
        seed: which run of it; by default the one that the speakers who choose prefer.
        causal: whether every frame is answered from the past alone, the main face chosen likewise,
            as live.
        person: who of several people: a number from 1 on, in the order of how long they are in
            view, left, right, or the path of a picture; by default as the model's faces are chosen.
        people: whether for all of them; the table then has a column `person`.
        allow: modules that the model may import, beside those that params.yaml names.
        execution: where networks run, and where the cache is; by default as params.yaml says.

    Raises:
        InputError: the clip or the model cannot be used, or there is no such person.
    """
    trained = model if isinstance(model, Trained) else load_trained(model, seed, allow)
    execution = execution or execution_settings()
    card = trained.card
    if clip is None:
        clip = features_alone(card, features)
    recording = clip if isinstance(clip, Recording) else open_recording(clip)
    if causal:
        card = _from_the_past(card)
    if person or people:
        check_person(card, causal=causal)
    found = Faces(recording.path)

    def of(who: str) -> Prediction:
        with TemporaryDirectory() as folder:
            there = Path(folder)
            stores = extract(recording, card, execution, there, features, person=who, faces=found)
            seen = InView() if card.faces is None else in_view(there, who)
            data = recogniser.clips_of(stores, [CLIP], "give a part of it")
            return _predicted(recording.path, trained, data, execution.torch_device, causal, seen)

    if not people:
        return of(person)
    first = of("1")
    rest = range(2, len(first.people.seconds) + 1)
    return together([first, *(of(str(number)) for number in rest)])


def predict_all(
    clips: Sequence[str | Path],
    models: Sequence[str | Path],
    *,
    features: Files = MappingProxyType({}),
    seed: int | None = None,
    causal: bool = False,
    person: str = "",
    people: bool = False,
    allow: Sequence[str] = (),
    execution: ExecutionSettings | None = None,
) -> Iterator[Prediction | Failure]:
    """Predict for every clip by every model; a bad clip does not stop the others.

    Args are those of `predict`, several of the first two.

    Yields:
        What is predicted, or why a clip or a model gives nothing, in their order.

    Raises:
        InputError: a model is not there.
    """
    trained = [load_trained(model, seed, allow) for model in models]
    for model in trained:
        check_names(model.card, features)
    every: list[str | Path | None] = [*clips] or [None]
    for clip in every:
        try:
            recording = None if clip is None else open_recording(clip)
        except InputError as error:
            yield failure_of(str(clip), error)
            continue
        for model in trained:
            try:
                yield predict(
                    recording,
                    model,
                    features=features,
                    causal=causal,
                    person=person,
                    people=people,
                    execution=execution,
                )
            except Exception as error:
                what = "features" if clip is None else clip
                yield failure_of(f"{what}, {model.name}", error)


def _from_the_past(card: recogniser.Card) -> recogniser.Card:
    """The card of a model whose faces are chosen from the past alone.

    Raises:
        InputError: it answers whole sequences.
    """
    if card.task.level == "sequence":
        raise InputError(
            f"{card.name} answers whole sequences, of which there is no past", "leave out --causal"
        )
    if card.faces is None:
        return card
    return card.model_copy(update={"faces": card.faces.model_copy(update={"causal": True})})


def _predicted(
    path: Path, trained: Trained, data: "ClipData", device: str, causal: bool, people: InView
) -> Prediction:
    """What a model says of the one item of some data."""
    import torch

    from models.evaluation.causal import (
        Window,
        anything_received,
        predict_causally,
        windows_of,
    )
    from models.evaluation.evaluator import check_outputs
    from models.evaluation.evaluator import predict as run

    card, place = trained.card, torch.device(device)
    times = data.item_array(CLIP, "times")
    if causal:
        values = predict_causally(trained.network, data, place, BATCH_CLIPS)[CLIP]
        windows = list(windows_of(len(times), data.clip_frames))
    else:
        values = run(trained.network, data, place, BATCH_CLIPS)[CLIP]
        windows = [Window(clip.start, clip.start, clip.stop) for clip in data.clips]
    check_outputs(values)
    received = anything_received(data, CLIP, windows)
    if card.task.level == "sequence":
        received = received[:1]
    arrays: Mapping[Modality, str] = {"audio": "sound", "video": "face"}
    present: dict[Modality, NDArray[np.bool_]] = {
        m: data.item_array(CLIP, arrays[m]) for m in arrays if m in card.streams
    }
    calibration = None if causal else trained.calibration
    offered = "" if trained.calibration is None else trained.calibration.note
    table = table_of(card.task, values, times, present, received, calibration)
    table = say_whose_sound(table, card, people)
    notes = [trained.note] if trained.note else []
    notes += [NOT_CAUSAL if causal else offered] if offered else []
    notes += people_notes(people)
    notes += missing_notes(card, times, data.item_array(CLIP, "decoded"), present)
    notes += answer_note(card, table)
    return Prediction(path, trained.name, card, table, tuple(notes), people)
