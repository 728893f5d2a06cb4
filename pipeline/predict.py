"""Run a trained recogniser on any video: a CSV with a row per frame, and a figure of them.

A model of sequences gives one row; a figure of it is drawn of classes only.

Works without sound, without a face, or without both, and says what was missing.
"""

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from features.corpora.listing import MODELS, CorpusItem
from features.errors import InputError
from features.extractors.crops import VideoSource, open_faces
from features.extractors.registry import EXTRACTORS
from features.extractors.settings import JoinedSettings, StreamSettings, VGGFaceSettings
from features.media.decoding import frame_times, probe
from features.media.pauses import Stretch, pauses
from features.settings import Modality
from features.stores.store import assemble
from features.stores.streams import StreamStore, open_stream
from features.stores.windows import write_windows
from features.windows.build import Sources, windowed, windowed_stream
from features.windows.normaliser import Normaliser
from models import recogniser
from models.training.stores import ModelStores, open_stores
from pipeline.engine.console import progress_bar, say
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import stage_errors
from pipeline.params import load_params

CLIP = "clip"
"""The one item's name; draws of a network hang on none."""


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


def extract(clip: Path, card: recogniser.Card, device: str, folder: Path) -> ModelStores:
    """Extract the streams that a model sees, with the settings that it was trained with.

    Args:
        clip: a media file.
        card: of the model.
        device: where networks run.
        folder: for the stores.

    Raises:
        InputError: the file cannot be read, or is too long for a sequence.
    """
    if card.task.level == "sequence":
        check_length(clip)
    with reading(clip):
        report_pauses(clip, tuple(card.streams))
    if card.faces is not None:
        crop_faces(clip, card, folder)
    settings: dict[str, StreamSettings] = {}
    stores: dict[str, StreamStore] = {}
    fitted: dict[str, Normaliser | None] = {}
    for modality, stream in card.streams.items():
        names = part_names(modality, stream)
        for name, part, moments in zip(names, stream.parts, stream.moments, strict=True):
            describe(clip, part, device, folder, name)
            settings[name] = part
            stores[name] = open_stream(folder / f"{name}.zarr")
            fitted[name] = None
            if moments is not None:
                fitted[name] = Normaliser(np.array(moments.mean), np.array(moments.std))
        if names != [modality]:
            assert isinstance(stream.settings, JoinedSettings)
            settings[modality] = stream.settings.model_copy(update={"of": names})
    pictures = None
    if card.faces is not None:
        faces = open_faces(folder / "faces.zarr", stage="predict")
        pictures = partial(faces.array, name="times")
    sources = Sources(settings, stores, pictures, gives_features=False, hold=card.windows.hold)
    item = whole_file(clip)
    write_windows(
        folder / "windows.zarr",
        {CLIP: windowed(item, None, card.task, sources)},
        {name: windowed_stream(name, sources, fitted) for name in settings},
        task=card.task,
        clip_frames=card.windows.clip_frames,
        settings=card.windows.model_dump(),
    )
    return open_stores(list(card.streams), folder / "windows.zarr", folder)


def part_names(modality: Modality, stream: recogniser.SeenStream) -> list[str]:
    """What the streams with rows are called here: a card has no names."""
    if not stream.settings.parts:
        return [modality]
    return [f"{modality}-{number}" for number in range(len(stream.parts))]


def whole_file(clip: Path) -> CorpusItem:
    """A file as an item of a corpus."""
    info = probe(clip)
    return CorpusItem(
        item=CLIP,
        path=str(clip),
        speaker="",
        split="test",
        side="",
        labelled=False,
        start=0.0,
        end=np.nan,
        crops="",
        sha256="",
        crops_sha256="",
        has_video=info.has_video,
        has_audio=info.has_audio,
        width=info.width,
        height=info.height,
        rate=float(info.rate or np.nan),
        seconds=info.duration,
    )


def crop_faces(clip: Path, card: recogniser.Card, folder: Path) -> None:
    """Write the store of face crops."""
    from features.faces.items import detect_item

    assert card.faces is not None
    with reading(clip), progress_bar("faces", unit="frames", total=probe(clip).frames) as advance:
        detect_item(clip, card.faces, "", folder / "face", advance)
    assemble(folder / "faces.zarr", {CLIP: folder / "face"}, {})


def describe(clip: Path, settings: StreamSettings, device: str, folder: Path, name: str) -> None:
    """Write the store of one stream."""
    out = folder / f"{name}-item"
    if settings.modality == "audio":
        from features.extractors.sound import describe_sound

        with reading(clip):
            describe_sound(settings, clip, device, out)
    elif EXTRACTORS[settings.extractor].together:
        from features.extractors.vggface.extractor import Turn, VGGFace
        from features.extractors.vggface.streaming import fit_to_device

        assert isinstance(settings, VGGFaceSettings)
        source = VideoSource(open_faces(folder / "faces.zarr", stage="predict"), CLIP)
        extractor = VGGFace(fit_to_device(settings, device), device)
        with (
            progress_bar(settings.extractor, unit="frames", total=len(source)) as advance,
            closing(extractor.describe([Turn(name, source)])) as parts,
        ):
            extractor.write(out, source, parts, advance)
    else:
        from features.extractors.crops import describe_faces

        faces = open_faces(folder / "faces.zarr", stage="predict")
        describe_faces(settings, faces, CLIP, device, out)
    assemble(folder / f"{name}.zarr", {CLIP: out}, {"settings": settings.of_rows()})


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


def report_pauses(clip: Path, modalities: tuple[Modality, ...]) -> None:
    """Say for how long the file has no picture and no sound, of what a model sees."""
    info, missing = probe(clip), pauses(clip)
    streams: tuple[tuple[str, Modality, bool, tuple[Stretch, ...]], ...] = (
        ("picture", "video", info.has_video, missing.without_picture),
        ("sound", "audio", info.has_audio, missing.without_sound),
    )
    for what, modality, is_there, stretches in streams:
        seconds = sum(last - first for first, last in stretches)
        if modality in modalities and is_there and seconds > 0:
            say(f"no {what} for {seconds:.1f} s of {info.duration:.1f} s")


if __name__ == "__main__":
    main()
