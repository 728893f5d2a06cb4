"""Trained models: where they are, which seed of one is used, and what they may import."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from features.corpora.listing import CALIBRATION, MODELS, RESULTS, TRUST
from features.errors import InputError
from features.hashes import hash_of_file
from models import recogniser
from models.evaluation.calibration import Calibration
from pipeline.engine.execution import ExecutionSettings
from pipeline.params import load_params

if TYPE_CHECKING:
    from models.networks.recogniser import Recogniser

ALLOW = "a module of your own that the saved model may import; those in params.yaml may be anyhow"


@dataclass(frozen=True)
class Trained:
    """A recogniser that is ready.

    Attributes:
        name: what it is called in files.
        card: what it says of itself.
        network: the recogniser.
        note: why it is this seed of it; empty where it was named.
        calibration: what its outputs are worth, where that is known.
        weights: sha256 of the file of its weights; empty where it has none.
    """

    name: str
    card: recogniser.Card
    network: "Recogniser"
    note: str = ""
    calibration: Calibration | None = None
    weights: str = ""


def load_trained(model: str | Path, seed: int | None = None, allow: Sequence[str] = ()) -> Trained:
    """Read a trained model.

    Args:
        model: its name in params.yaml, or the folder of a saved recogniser.
        seed: which run of it; by default the one that `preferred_seed` names.
        allow: modules that it may import, beside those that params.yaml names.

    Raises:
        InputError: there is no such model or seed, or it cannot be read.
    """
    folder, note = Path(model), ""
    if not (folder / recogniser.CARD).is_file():
        seeds = seeds_of(str(model))
        if seed is None:
            seed, note = preferred_seed(str(model), seeds)
        folder = model_folder(str(model), seed)
    card, network = recogniser.load(folder, allow=allowed(allow))
    weights = hash_of_file(folder / recogniser.WEIGHTS)
    return Trained(card.name, card, network, note, calibration_of(folder, card), weights)


def calibration_of(folder: Path, card: recogniser.Card) -> Calibration | None:
    """What the outputs of a saved recogniser are worth, as its evaluation found.

    It is read of the file `calibration.json` beside the recogniser, else of the results of stage
    evaluate for its name and seed; what was found for other weights is left aside.

    Raises:
        InputError: the file is damaged.
    """
    beside, published = folder / CALIBRATION, RESULTS / TRUST / f"{card.name}.json"
    path = beside if beside.is_file() else published
    try:
        content = json.loads(path.read_text())
        found = content if path == beside else content.get(str(card.seed))
        calibration = None if found is None else Calibration.model_validate(found)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is damaged", "evaluate the model again") from error
    if calibration is None or calibration.weights != hash_of_file(folder / recogniser.WEIGHTS):
        return None
    return calibration


def seeds_of(name: str) -> list[int]:
    """The trained seeds of a model.

    Raises:
        InputError: there is no such model.
    """
    trained: dict[str, set[int]] = {}
    for card in MODELS.glob(f"*/seed-*/{recogniser.CARD}"):
        number = card.parent.name.removeprefix("seed-")
        if number.isdecimal():  # what else lies there is no run
            trained.setdefault(card.parts[-3], set()).add(int(number))
    if name not in trained:
        raise InputError(
            f"there is no trained model named {name}",
            f"choose one of {', '.join(sorted(trained))}" if trained else "run `make repro` first",
        )
    return sorted(trained[name])


def model_folder(name: str, seed: int | None) -> Path:
    """The folder of a trained model; of the seed that is preferred where none is named.

    Raises:
        InputError: there is no such model, or no such seed of it.
    """
    seeds = seeds_of(name)
    if seed is None:
        seed, _ = preferred_seed(name, seeds)
    if seed not in seeds:
        raise InputError(f"{name} has no seed {seed}", f"choose one of {seeds}")
    return MODELS / name / f"seed-{seed}"


def preferred_seed(name: str, seeds: Sequence[int]) -> tuple[int, str]:
    """The seed that the speakers who choose prefer, and a sentence that says so.

    Preferred is what scores best on them under the conditions of every evaluation
    (`reports.numbers.choice`); nobody who is tested on is asked.

    Args:
        name: of the model.
        seeds: those that are trained, sorted.

    Returns:
        The first seed, and that it is no more than that, where no evaluation tells.
    """
    if len(seeds) == 1:
        return seeds[0], ""
    try:
        chosen = json.loads((RESULTS / "choice.json").read_text())["seeds"].get(name)
    except (OSError, ValueError, KeyError):
        chosen = None
    if chosen not in seeds:
        first = f"{name}: seed {seeds[0]}, the first: no evaluation says which is preferred"
        return seeds[0], first
    return chosen, f"{name}: seed {chosen}, which the speakers who choose prefer of {len(seeds)}"


def allowed(more: Sequence[str]) -> list[str]:
    """Modules that a saved model may import: those that params.yaml names, and more."""
    try:
        params = load_params()
    except InputError:
        return list(more)
    names = [model.network for model in params.models.values()]
    names += [stream.extractor for stream in params.streams.values()]
    return [*more, *(name.partition(":")[0] for name in names if ":" in name)]


def execution_settings() -> ExecutionSettings:
    """Those of params.yaml where there is a valid one, else the defaults: a model needs no more."""
    try:
        return load_params().execution
    except InputError:
        return ExecutionSettings()
