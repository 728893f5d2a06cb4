"""A trained recogniser as a folder: its weights, and all that is needed to use it on new media."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import InputError
from features.settings import FaceSettings, FC6Settings, LLDSettings, Settings, WindowSettings
from features.task import Task
from models.settings import Modality, ModelSettings, Precision, TrainSettings
from models.settings.network import options_of

if TYPE_CHECKING:
    import zarr
    from torch import Tensor

    from models.networks.recogniser import Recogniser
    from models.training.data import ClipData

WEIGHTS = "model.safetensors"
CARD = "config.json"

PRELOAD_BYTES = 4 << 30
"""fc6 features up to this size are read into memory once."""


class Card(Settings):
    """What a recogniser is: network, training, and the features it was trained on.

    Attributes:
        name: in params.yaml.
        seed: of this run.
        synthetic_corpus: whether it has only ever seen made-up faces and voices.
        given_features: whether its corpus gave features, so that it cannot see media.
        task: what it recognises.
        model: network, modalities and strategy, as params.yaml has them.
        train: how it was trained, its preset included; `train.network` are its sizes.
        options: of its architecture, likewise.
        inputs: dimension of each modality's input vector.
        precision: of training.
        epochs: passes until training stopped, before any refit.
        best_epoch: the pass that the held-out clips chose; `train.refit` more followed it.
        faces: how faces were cropped.
        fc6: how crops were described.
        lld: how sound was described.
        windows: how much sound a frame was given.
        mean: of every low-level descriptor, over the train split.
        std: likewise.
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
    faces: FaceSettings
    fc6: FC6Settings
    lld: LLDSettings
    windows: WindowSettings
    mean: list[float]
    std: list[float]


def save(folder: Path, card: Card, weights: "dict[str, Tensor]") -> None:
    """Write a recogniser's folder."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / WEIGHTS)
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n")


def load(folder: Path) -> "tuple[Card, Recogniser]":
    """Read a recogniser.

    Raises:
        InputError: the folder holds none, or one of another version.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from models.networks.build import build

    try:
        card = Card.model_validate_json((folder / CARD).read_text())
        options = options_of(card.model.network, card.options)
        network = build(card.model, card.inputs, card.train.network, card.task, options)
        network.load_state_dict(load_file(folder / WEIGHTS))
    except FileNotFoundError as error:
        raise InputError(f"there is no trained model in {folder}", "run `dvc repro`") from error
    except (ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"the model in {folder} does not fit this version of Lacuna", "train it again"
        ) from error
    return card, network.eval()


def clips_of(
    stores: "tuple[zarr.Group, zarr.Group]", items: Sequence[str], remedy: str = ""
) -> "ClipData":
    """The clips of some items, for a recogniser to learn from or to recognise.

    Args:
        stores: windows and fc6.
        items: names of the items.
        remedy: what to do about a sequence that is too long; by default to cut it in items.csv.

    Raises:
        InputError: an item is too long for a sequence.
    """
    from models.training.data import ClipData, SequenceTooLongError

    try:
        return ClipData(*stores, items, preload_bytes=PRELOAD_BYTES)
    except SequenceTooLongError as error:
        raise InputError(str(error), remedy or "cut it with start and end in items.csv") from error
