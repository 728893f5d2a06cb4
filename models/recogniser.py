"""A trained recogniser as a folder: its weights, and all that is needed to use it on new media."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, computed_field, model_validator

from features.errors import InputError
from features.extractors.joined import parts_of
from features.extractors.look_ahead import look_ahead_of
from features.extractors.registry import AnyStream
from features.extractors.settings import StreamSettings
from features.outside_files import check_safetensors
from features.settings import FaceSettings, Modality, Settings, WindowSettings
from features.task import Task
from features.windows.clocks import context_offsets
from models.networks.registry import options_of
from models.settings import ModelSettings, Precision, TrainSettings
from models.settings.saved import CARD

if TYPE_CHECKING:
    from torch import Tensor

    from models.networks.recogniser import Recogniser
    from models.training.data import ClipData
    from models.training.stores import ModelStores

WEIGHTS = "model.safetensors"

HISTORY = "history.csv"
"""A row per epoch before the refit: epoch, train_loss, heldout (the task's first metric),
heldout_loss, best (0 or 1)."""

PRELOAD_BYTES = 4 << 30
"""Rows up to this size are read into memory once."""


class Normalisation(Settings):
    """What rows were z-normed with: mean and deviation of the train split's."""

    mean: list[float] = Field(min_length=1)
    std: list[Annotated[float, Field(gt=0)]]

    @model_validator(mode="after")
    def _lengths_agree(self) -> "Normalisation":
        if len(self.mean) != len(self.std):
            raise ValueError(f"{len(self.mean)} means and {len(self.std)} deviations")
        return self


class SeenStream(Settings):
    """One stream as a recogniser sees it.

    Attributes:
        name: of the stream where the recogniser was trained.
        settings: of the stream.
        parts: settings of the streams that hold its rows: itself, or those that it joins.
        moments: of each part; None where rows are taken as they are.
    """

    name: str = ""
    settings: AnyStream
    parts: list[AnyStream]
    moments: list[Normalisation | None]

    @model_validator(mode="after")
    def _parts_have_moments(self) -> "SeenStream":
        if len(self.moments) != len(self.parts):
            raise ValueError(f"{len(self.moments)} moments of {len(self.parts)} parts")
        return self

    @property
    def width(self) -> int | None:
        """Numbers of a row; None where the rows of a part are taken as they are."""
        widths = [None if moments is None else len(moments.mean) for moments in self.moments]
        return None if None in widths else sum(width or 0 for width in widths)

    @property
    def random_weights(self) -> list[str]:
        """Extractors of the parts that come from a network that was never trained."""
        return [p.extractor for p in self.parts if getattr(p, "weights", None) == "random"]


class Card(Settings):
    """What a recogniser is: network, training, and the features it was trained on.

    Attributes:
        name: in params.yaml.
        seed: of this run.
        synthetic_corpus: whether it has only ever seen made-up faces and voices.
        given_features: whether its corpus gave features, so that it cannot see media.
        task: what it recognises.
        model: network, streams and strategy, as params.yaml has them.
        train: how it was trained, its preset included; `train.network` are its sizes.
        options: of its architecture, likewise.
        inputs: dimension of each modality's input vector.
        precision: of training.
        epochs: passes until training stopped, before any refit.
        best_epoch: the pass that the held-out clips chose; `train.refit` more followed it.
        faces: how faces were cropped; None where it sees none.
        streams: what it sees of each modality.
        windows: how long clips were, and what was shown where no picture came.
        corpora: those that it has learnt from, the first one first; none where it is not known.
    """

    name: str
    seed: int
    synthetic_corpus: bool
    given_features: bool
    task: Task
    model: ModelSettings
    train: TrainSettings
    options: dict[str, Any]
    inputs: dict[Modality, int]
    precision: Precision
    epochs: int
    best_epoch: int
    faces: FaceSettings | None
    streams: dict[Modality, SeenStream]
    windows: WindowSettings
    corpora: list[str] = Field(default=[])

    @model_validator(mode="before")
    @classmethod
    def _look_ahead_follows(cls, values: Any) -> Any:
        """What a file says of it is left aside: it follows from the rest."""
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if name != "look_ahead_ms"}
        return values

    @computed_field  # type: ignore[prop-decorator]
    @property
    def look_ahead_ms(self) -> dict[str, float]:
        """Milliseconds that each part before the network waits for what comes later, live.

        `frame`: a picture ends when the next one begins, at 30 a second; `faces`: detection; each
        extractor of sound; `context`: what a step looks at after it. Parts that wait for nothing
        are left out.
        """
        waits = {"frame": 1 / 30}
        if self.faces is not None:
            waits["faces"] = self.faces.every / 30
        for stream in self.streams.values():
            for part in stream.parts:
                waits[part.extractor] = look_ahead_of(part)
            centred = stream.settings.context == "centred"
            offsets = context_offsets(stream.settings.context_seconds, centred=centred)
            waits["context"] = max(waits.get("context", 0.0), float(offsets.max()))
        return {part: round(1000 * seconds, 1) for part, seconds in waits.items() if seconds > 0}

    @model_validator(mode="after")
    def _streams_fit_the_inputs(self) -> "Card":
        for modality, stream in self.streams.items():
            taken = stream.settings
            steps = len(context_offsets(taken.context_seconds, centred=taken.context == "centred"))
            width, numbers = stream.width, self.inputs.get(modality)
            if width is not None and width * steps != numbers:
                raise ValueError(f"{modality} has moments of {width} numbers, input {numbers}")
        return self

    @property
    def moments(self) -> dict[Modality, list[Normalisation | None]]:
        """What the rows of each part are z-normed with, by modality."""
        return {modality: stream.moments for modality, stream in self.streams.items()}

    @property
    def random_weights(self) -> list[str]:
        """Extractors of what it sees that come from a network that was never trained."""
        return [name for stream in self.streams.values() for name in stream.random_weights]


def save(folder: Path, card: Card, weights: "dict[str, Tensor]") -> None:
    """Write a recogniser's folder."""
    save_weights(folder, weights)
    write_card(folder, card)


def save_weights(folder: Path, weights: "dict[str, Tensor]") -> None:
    """Write a recogniser's weights.

    Raises:
        OSError: they cannot be written, for example because the disk is full.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(save(weights))


def are_finite(weights: "Mapping[str, Tensor]") -> bool:
    """Whether all weights are numbers.

    A metric does not tell: the largest of outputs that are NaN is the first class.
    """
    return all(bool(values.isfinite().all()) for values in weights.values())


def write_card(folder: Path, card: Card) -> None:
    """Write what a recogniser says of itself."""
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n")


def load(folder: Path, *, allow: Collection[str] | None = ()) -> "tuple[Card, Recogniser]":
    """Read a recogniser.

    Args:
        folder: with its card and weights.
        allow: modules of the user's own that may be imported for it; None for any, where
            params.yaml names the model.

    Raises:
        InputError: the folder holds none, one of another version, or one whose network or
            extractors are not allowed.
    """
    card = read_card(folder)
    if allow is not None:
        _check_extractors(card, allow)
    return card, load_network(folder, card, allow=allow)


def read_card(folder: Path) -> Card:
    """Read what a recogniser says of itself; imports no module of the user's own.

    Raises:
        InputError: the folder holds none, or one of another version.
    """
    with _reading(folder):
        return Card.model_validate_json((folder / CARD).read_text())


def load_network(folder: Path, card: Card, *, allow: Collection[str] | None = ()) -> "Recogniser":
    """Read the network of a recogniser whose card is known.

    Raises:
        InputError: the file does not fit the card, or a weight is not finite.
    """
    from models.networks.build import build

    with _reading(folder):
        options = options_of(card.model.network, card.options)
        network = build(
            card.model, card.inputs, card.train.network, card.task, options, allow=allow
        )
    load_weights(folder, network)
    return network.eval()


def load_weights(folder: Path, network: "Recogniser") -> None:
    """Give a network the weights of a recogniser's folder.

    Raises:
        InputError: there are none, they do not fit the network, or one is not finite.
    """
    from safetensors.torch import load_file

    with _reading(folder):
        check_safetensors(folder / WEIGHTS, remedy="train it again")
        weights = load_file(folder / WEIGHTS)
        network.load_state_dict(weights)
    if not are_finite(weights):
        raise InputError(f"the model in {folder} has weights that are not finite", "train it again")


def _check_extractors(card: Card, allow: Collection[str]) -> None:
    """Refuse to see what extractors in modules of the user's own describe, unless it is allowed."""
    for part in (part for stream in card.streams.values() for part in stream.parts):
        module, colon, _ = part.extractor.partition(":")
        if colon and module not in allow:
            raise InputError(
                f"the model sees what {part.extractor} describes, and a saved model imports no "
                "module by itself",
                f"allow it by name: {module}",
            )


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Say in one sentence what is wrong with a recogniser's folder."""
    from safetensors import SafetensorError

    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"there is no trained model in {folder}", "run `dvc repro`") from error
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"the model in {folder} does not fit this version of Lacuna", "train it again"
        ) from error


def count_parameters(weights: Path) -> int:
    """Numbers in a file of weights, of which the header alone is read; 0 where it is none.

    Needs no torch.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "numpy") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118
    except (OSError, SafetensorError):
        return 0
    return sum(prod(shape) for shape in shapes)


def streams_seen(
    sees: Mapping[Modality, str], settings: Mapping[str, StreamSettings], stores: "ModelStores"
) -> dict[Modality, SeenStream]:
    """What a recogniser says of the streams that it sees.

    Args:
        sees: name of the stream of each modality.
        settings: of all streams, by name.
        stores: that it was trained on; they know what settings leave to the machine.
    """
    streams = {}
    for modality, name in sees.items():
        reader = stores.streams[modality]
        parts = [
            settings[part].model_copy(update=reader.settled(number))
            for number, part in enumerate(parts_of(name, settings))
        ]
        moments = [
            None if n is None else Normalisation(mean=n.mean.tolist(), std=n.std.tolist())
            for n in reader.stream.normaliser
        ]
        whole = settings[name] if settings[name].parts else parts[0]
        streams[modality] = SeenStream(name=name, settings=whole, parts=parts, moments=moments)
    return streams


def clips_of(
    stores: "ModelStores",
    items: Sequence[str],
    remedy: str = "",
    speakers: Mapping[str, str] = MappingProxyType({}),
    *,
    preload_bytes: int = PRELOAD_BYTES,
) -> "ClipData":
    """The clips of some items, for a recogniser to learn from or to recognise.

    Args:
        stores: that it reads.
        items: names of the items.
        remedy: what to do about a sequence that is too long; by default to cut it in items.csv.
        speakers: of the items, where it matters who learns with whom.
        preload_bytes: rows up to this size are read into memory; it changes no number.

    Raises:
        InputError: an item is too long for a sequence.
    """
    from models.training.data import ClipData, SequenceTooLongError

    try:
        return ClipData(
            stores.windows,
            stores.streams,
            items,
            preload_bytes=preload_bytes,
            speakers=speakers,
        )
    except SequenceTooLongError as error:
        raise InputError(str(error), remedy or "cut it with start and end in items.csv") from error
