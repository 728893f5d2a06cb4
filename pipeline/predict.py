"""Run a trained recogniser on any video: a CSV with a row per frame, and a figure of them.

A model of sequences gives one row; a figure of it is drawn of classes only.

Works without sound, without a face, or without both, and says what was missing.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from features.corpora.listing import MODELS
from features.errors import InputError
from models import recogniser
from pipeline.engine.console import say
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import stage_errors
from pipeline.extraction.one_file import CLIP, extract
from pipeline.params import load_params

ALLOW = "a module of your own that the saved model may import; those in params.yaml may be anyhow"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description=__doc__)
    parser.add_argument("clip", type=Path, help="a video or sound file")
    parser.add_argument("--model", required=True, help="name of a trained model")
    parser.add_argument("--seed", type=int, help="which run of it (default: the first)")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the results")
    parser.add_argument("--allow", metavar="MODULE", action="append", default=[], help=ALLOW)
    arguments = parser.parse_args()
    with stage_errors(goes_on=False):
        folder = model_folder(arguments.model, arguments.seed)
        with writing_to(arguments.out):  # found out before the work, not after it
            arguments.out.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=arguments.out).close()
        card, table = predict(arguments.clip, folder, arguments.allow)
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


def allowed(more: Sequence[str]) -> list[str]:
    """Modules that a saved model may import: those that params.yaml names, and more."""
    try:
        params = load_params()
    except InputError:
        return list(more)
    names = [model.network for model in params.models.values()]
    names += [stream.extractor for stream in params.streams.values()]
    return [*more, *(name.partition(":")[0] for name in names if ":" in name)]


def predict(
    clip: Path, folder: Path, allow: Sequence[str] = ()
) -> tuple[recogniser.Card, pd.DataFrame]:
    """Predict for every frame of a clip, or for the whole of it, as the model does.

    Args:
        clip: a media file.
        folder: of the model.
        allow: modules that it may import, beside those that params.yaml names.

    Returns:
        The model's card, and a row per frame: time, the targets, face_present, sound_present (0 or
        1). Of a model of sequences one row: the targets or the probabilities of the classes, and
        the shares of the frames with a face and with sound.

    Raises:
        InputError: the clip or the model cannot be read.
    """
    card, network = recogniser.load(folder, allow=allowed(allow))

    import torch

    from models.evaluation.evaluator import predict as run

    if card.given_features:
        raise InputError(
            f"{card.name} was trained on features that its corpus gives, not on media",
            "train on a corpus of videos",
        )
    device = execution_settings().torch_device
    with TemporaryDirectory() as temporary:
        stores = extract(clip, card, device, Path(temporary))
        data = recogniser.clips_of(stores, [CLIP], "give a part of it")
        predicted: NDArray[np.float32] = run(network, data, torch.device(device), 32)[CLIP]
        present = {"face_present": "face", "sound_present": "sound"}
        seen = {
            column: stores.windows.array(CLIP, array)
            for (column, array), modality in zip(present.items(), ("video", "audio"), strict=True)
            if modality in card.streams
        }
        times = stores.windows.times(CLIP)
    if card.task.kind == "classification":
        predicted = softmax(predicted, axis=-1)
    table = pd.DataFrame(predicted, columns=list(card.task.outputs))
    is_sequence = card.task.level == "sequence"
    if not is_sequence:
        table.insert(0, "time", times)
    for column in present:  # empty where the model does not look for it
        values = seen.get(column)
        if values is None:
            table[column] = np.nan
        else:
            table[column] = values.mean() if is_sequence else values.astype(int)
    return card, table


def execution_settings() -> ExecutionSettings:
    """Those of params.yaml where there is a valid one, else the defaults: a model needs no more."""
    try:
        return load_params().execution
    except InputError:
        return ExecutionSettings()


def draw(card: recogniser.Card, table: pd.DataFrame, path: Path, *, clip: str) -> bool:
    """Draw the predictions, over time with missing stretches shaded, with what they are worth.

    Returns:
        Whether there was something to draw: a few numbers for a whole sequence are no figure.
    """
    from reports.figures.predictions import plot_classes, plot_prediction
    from reports.numbers.run_file import caveat

    title = f"{clip}, {card.name}, seed {card.seed}"
    # Of the synthetic corpora only the demo has media to train such a model on.
    synthetic = "demo" if card.synthetic_corpus else ""
    note = caveat(synthetic=synthetic, random_weights=card.random_weights)
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
        table["face_present"] != 0,
        table["sound_present"] != 0,
        path=path,
        title=title,
        note=note,
    )
    return True


def report(card: recogniser.Card, table: pd.DataFrame) -> None:
    """Say what was missing, and what the model's predictions are worth."""
    face, sound = table["face_present"].mean(), table["sound_present"].mean()
    shares = {"video": ("a face", face), "audio": ("sound", sound)}
    found = [f"{what} in {share:.0%}" for m, (what, share) in shares.items() if m in card.streams]
    say(f"{', '.join(found)} of the frames")
    if card.task.level == "sequence":
        outcome = table[list(card.task.outputs)].iloc[0]
        if card.task.kind == "classification":  # the likeliest first
            outcome = outcome.sort_values(ascending=False)
        say(", ".join(f"{name} {value:.2f}" for name, value in outcome.items()))
    for share, what, modality in ((face, "face", "video"), (sound, "sound", "audio")):
        if share == 0 and modality in card.streams:
            say(f"no {what} at all: {card.name} had to do without {modality}")
    if card.synthetic_corpus:
        say("trained on the synthetic demo corpus: a trial, not a reading of real faces")
    for extractor in card.random_weights:
        say(f"{extractor} with random weights, not trained")


if __name__ == "__main__":
    main()
