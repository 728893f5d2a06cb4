"""Run a trained recogniser on any video: a CSV with a row per frame, and a figure of them.

A model of sequences gives one row; a figure of it is drawn of classes only.

Works without sound, without a face, or without both, and says what was missing.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from features.corpora.labels import labels_of
from features.corpora.listing import MODELS
from features.errors import InputError
from features.media.decoding import frame_times, probe
from features.stores.store import assemble, open_store, read_array, read_item
from features.windows.context import Normaliser
from features.windows.recordings import extracted
from models import recogniser
from pipeline import faces, fc6, lld
from pipeline.engine.console import progress_bar, say
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import stage_errors
from pipeline.params import load_params
from pipeline.windows import attributes_of, write_windows


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__)
    parser.add_argument("clip", type=Path, help="a video or sound file")
    parser.add_argument("--model", required=True, help="name of a trained model")
    parser.add_argument("--seed", type=int, help="which run of it (default: the first)")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the results")
    arguments = parser.parse_args()
    with stage_errors(goes_on=False):
        folder = model_folder(arguments.model, arguments.seed)
        with writing_to(arguments.out):  # found out before the work, not after it
            arguments.out.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=arguments.out).close()
        card, table = predict(arguments.clip, folder)
        base = arguments.out / f"{arguments.clip.stem}.{arguments.model}"
        csv, figure = (base.with_name(f"{base.name}.{suffix}") for suffix in ("csv", "png"))
        with writing_to(arguments.out):
            table.to_csv(csv, index=False, float_format="%.5f")
            drawn = draw(card, table, figure, clip=arguments.clip.name)
        report(card, table)
        say(f"wrote {csv} and {figure}" if drawn else f"wrote {csv}")


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn a failure to write into an InputError."""
    try:
        yield
    except OSError as error:
        reason = f"results cannot be written to {folder} ({error.strerror or error})"
        raise InputError(reason, "name another folder with --out") from error


@contextmanager
def reading(clip: Path) -> Iterator[None]:
    """Give advice on an unreadable clip that fits one clip; the stages' advice is on a corpus."""
    try:
        yield
    except InputError as error:
        remedy = f"give a readable video or sound file instead of {clip.name}"
        raise InputError(error.reason, remedy) from error


def model_folder(name: str, seed: int | None) -> Path:
    """The folder of a trained model; of its first seed where none is named.

    Raises:
        InputError: there is no such model, or no such seed of it.
    """
    trained = sorted({card.parts[-3] for card in MODELS.glob(f"*/seed-*/{recogniser.CARD}")})
    if name not in trained:
        raise InputError(
            f"there is no trained model named {name}",
            f"choose one of {', '.join(trained)}" if trained else "run `make repro` first",
        )
    cards = (MODELS / name).glob(f"seed-*/{recogniser.CARD}")
    seeds = sorted(int(card.parent.name.removeprefix("seed-")) for card in cards)
    if seed is not None and seed not in seeds:
        raise InputError(f"{name} has no seed {seed}", f"choose one of {seeds}")
    return MODELS / name / f"seed-{seeds[0] if seed is None else seed}"


def predict(clip: Path, folder: Path) -> tuple[recogniser.Card, pd.DataFrame]:
    """Predict for every frame of a clip, or for the whole of it, as the model does.

    Returns:
        The model's card, and a row per frame: time, the targets, face_present, sound_present (0 or
        1). Of a model of sequences one row: the targets or the probabilities of the classes, and
        the shares of the frames with a face and with sound.

    Raises:
        InputError: the clip or the model cannot be read.
    """
    import torch

    from models.evaluation.evaluator import predict as run

    card, network = recogniser.load(folder)
    if card.given_features:
        raise InputError(
            f"{card.name} was trained on features that its corpus gives, not on media",
            "train on a corpus of videos",
        )
    device = execution_settings().torch_device
    with TemporaryDirectory() as temporary:
        parts = Path(temporary)
        write_features(clip, card, device, parts)
        windows, features = (
            open_store(parts / name, stage="predict") for name in ("windows.zarr", "fc6.zarr")
        )
        data = recogniser.clips_of((windows, features), ["clip"], "give a part of it")
        predicted: NDArray[np.float32] = run(network, data, torch.device(device), 32)["clip"]
        item = read_item(windows, "clip")
        times, face, sound = (
            read_array(item, name) for name in ("times", "video_present", "audio_present")
        )
    if card.task.kind == "classification":
        predicted = softmax(predicted, axis=-1)
    table = pd.DataFrame(predicted, columns=list(card.task.outputs))
    if card.task.level == "sequence":
        return card, table.assign(face_present=face.mean(), sound_present=sound.mean())
    table.insert(0, "time", times)
    return card, table.assign(face_present=face.astype(int), sound_present=sound.astype(int))


def execution_settings() -> ExecutionSettings:
    """Those of params.yaml where there is a valid one, else the defaults: a model needs no more."""
    try:
        return load_params().execution
    except InputError:
        return ExecutionSettings()


def write_features(clip: Path, card: recogniser.Card, device: str, parts: Path) -> None:
    """Run the extraction stages on one file, with the settings the model was trained with.

    Raises:
        InputError: the file cannot be read, or is too long for a sequence.
    """
    if card.task.level == "sequence":
        check_length(clip)
    face, sound, features, window = (parts / name for name in ("face", "lld", "fc6", "window"))
    with reading(clip):
        total = probe(clip).frames
        with progress_bar("faces", unit="frames", total=total) as advance:
            faces.detect(clip, card.faces, "", face, progress=advance)
        lld.extract(clip, card.lld, "", sound)
    store = open_store(face, stage="predict")
    total = len(read_array(store, "present"))
    with progress_bar("fc6", unit="frames", total=total) as advance:
        fc6.extract(store, card.fc6, device, "", features, progress=advance)
    recording = extracted(store, open_store(sound, stage="predict"), card.windows)
    normaliser = Normaliser(np.array(card.mean), np.array(card.std))
    labels = labels_of(None, recording.times, card.task)
    write_windows(window, recording, labels, {"audio": normaliser}, {})
    attributes = attributes_of(card.windows, card.task, normaliser)
    assemble(parts / "windows.zarr", {"clip": window}, attributes)
    assemble(parts / "fc6.zarr", {"clip": features}, {})


def check_length(clip: Path) -> None:
    """Refuse a sequence that is too long before an extraction that would be in vain.

    Raises:
        InputError: it is too long, or cannot be read.
    """
    from models.training.data import MAX_SEQUENCE_FRAMES, SequenceTooLongError

    with reading(clip):
        count = len(frame_times(clip))  # headers are not always right
    if count > MAX_SEQUENCE_FRAMES:
        raise InputError(str(SequenceTooLongError(clip.name, count)), "give a part of it")


def draw(card: recogniser.Card, table: pd.DataFrame, path: Path, *, clip: str) -> bool:
    """Draw the predictions, over time with missing stretches shaded, with what they are worth.

    Returns:
        Whether there was something to draw: a few numbers for a whole sequence are no figure.
    """
    from reports.figures.predictions import plot_classes, plot_prediction
    from reports.numbers.results import caveat

    title = f"{clip}, {card.name}, seed {card.seed}"
    # Of the synthetic corpora only the demo has media to train such a model on.
    synthetic = "demo" if card.synthetic_corpus else ""
    note = caveat(synthetic=synthetic, random_weights=card.fc6.weights == "random")
    outputs = card.task.outputs
    if card.task.kind == "classification":
        shares = {name: float(table[name].iloc[0]) for name in outputs}
        plot_classes(shares, path=path, title=title, note=note)
        return True
    if card.task.level == "sequence":
        return False
    plot_prediction(
        table["time"],
        {name: table[name] for name in outputs},
        table["face_present"] == 1,
        table["sound_present"] == 1,
        path=path,
        title=title,
        note=note,
    )
    return True


def report(card: recogniser.Card, table: pd.DataFrame) -> None:
    """Say what was missing, and what the model's predictions are worth."""
    face, sound = table["face_present"].mean(), table["sound_present"].mean()
    say(f"a face in {face:.0%}, sound in {sound:.0%} of the frames")
    if card.task.level == "sequence":
        outcome = table[list(card.task.outputs)].iloc[0]
        if card.task.kind == "classification":  # the likeliest first
            outcome = outcome.sort_values(ascending=False)
        say(", ".join(f"{name} {value:.2f}" for name, value in outcome.items()))
    for share, what, modality in ((face, "face", "video"), (sound, "sound", "audio")):
        if share == 0 and modality in card.model.modalities:
            say(f"no {what} at all: {card.name} had to do without {modality}")
    if card.synthetic_corpus:
        say("trained on the synthetic demo corpus: a trial, not a reading of real faces")
    if card.fc6.weights == "random":
        say("fc6 from random weights, not trained VGG-Face")


if __name__ == "__main__":
    main()
