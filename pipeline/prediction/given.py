"""Features in files, in place of what a corpus gave a model in its training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from features.corpora.feature_files import read_features
from features.errors import InputError
from features.extractors.described import Described
from features.extractors.settings import GivenSettings, StreamSettings
from features.media.decoding import MediaInfo
from features.settings import Modality
from features.stores.assembling import assemble
from features.stores.streams import write_described
from models.recogniser import Card
from pipeline.prediction.recording import CLIP, Recording

Files = Mapping[str, Path]
"""Feature files by the name of the features, or by their modality."""


def files_of(texts: Sequence[str]) -> Files:
    """What a command line names.

    Raises:
        InputError: a text is not NAME=FILE, or two give the same name.

    >>> files_of(["video=face.npz"])
    {'video': PosixPath('face.npz')}
    """
    pairs = [text.partition("=") for text in texts]
    for name, equals, path in pairs:
        if not (name and equals and path):
            raise InputError(f"--features is {name}{equals}{path}", "write NAME=FILE")
    files = {name: Path(path) for name, _, path in pairs}
    if len(files) < len(pairs):
        raise InputError("--features gives two files of one name", "give one file for each name")
    return files


def features_alone(card: Card, files: Files) -> Recording:
    """What stands for a media file where all that a model sees is given.

    Raises:
        InputError: features are missing, or names are of none that the model sees.
    """
    wanted = wanted_of(card)
    if not files or any(part is None for part in wanted.values()):
        raise InputError(
            f"{card.name} needs a file of media",
            "name one, as CLIP" if files else _remedy(wanted),
        )
    return Recording(next(iter(files.values())), MediaInfo(False, False, 0, 0, None, 0, 0.0), "")


def wanted_of(card: Card) -> dict[Modality, str | None]:
    """The name of the features that a model takes of each modality; None where it takes media."""
    return {
        m: (s.settings.of or s.name or m) if isinstance(s.settings, GivenSettings) else None
        for m, s in card.streams.items()
    }


def takes_features(card: Card, modality: Modality) -> bool:
    """Whether a model was given features of a modality."""
    return modality in card.streams and isinstance(card.streams[modality].settings, GivenSettings)


def check_names(card: Card, files: Files) -> None:
    """Refuse names of features that a model does not take, and features that are not there.

    Raises:
        InputError: names them.
    """
    wanted = wanted_of(card)
    known = {name for m, of in wanted.items() if of is not None for name in (of, m)}
    if unknown := sorted(set(files) - known):
        raise InputError(
            f"{card.name} takes no features named {', '.join(unknown)}", _remedy(wanted)
        )
    for modality, of in wanted.items():
        if of is not None and of not in files and modality not in files:
            raise InputError(
                f"{card.name} was trained on features that its corpus gives, not on media, and "
                f"{of} is not there",
                _remedy(wanted),
            )


def _remedy(wanted: Mapping[Modality, str | None]) -> str:
    shown = " ".join(f"--features {of}=FILE" for m, of in wanted.items() if of is not None)
    return f"give them with {shown}" if shown else "choose a model that was trained on some"


def features_of(card: Card, modality: Modality, files: Files) -> Described:
    """The rows of a stream that a file gives.

    Raises:
        InputError: the file cannot be read, or has rows of another length than the model's.
    """
    path = files.get(wanted_of(card)[modality] or "", files.get(modality, Path()))
    found = read_features(path)
    steps = max(1, round(30 * card.streams[modality].settings.context_seconds))
    expected = card.inputs[modality] // steps
    width = found.rows.shape[1]
    if width != expected:
        raise InputError(
            f"{path} has {width} numbers a row, and {card.name} was trained on {expected}",
            "give features of the same kind",
        )
    return Described(found.rows, found.times, found.present)


def describe_features(
    card: Card, modality: Modality, settings: GivenSettings, files: Files, folder: Path, name: str
) -> None:
    """Write the store of a stream that a file gives.

    Raises:
        InputError: as of `features_of`.
    """
    write_described(folder / f"{name}-item", features_of(card, modality, files))
    rows: StreamSettings = settings
    assemble(folder / f"{name}.zarr", {CLIP: folder / f"{name}-item"}, {"settings": rows.of_rows()})
