"""Stage train@MODEL: train one model of params.yaml, once per seed.

Finished seeds and the state of an unfinished one are kept in the item cache, so a killed run goes
on where it was.
"""

import argparse
import shutil
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from features.errors import InputError
from features.store import link_or_copy
from pipeline import recogniser
from pipeline.clips import keys_of, open_stores
from pipeline.console import progress_bar
from pipeline.hashes import hash_of, hash_of_file, hash_of_sources
from pipeline.items import Job, cached, stage_errors
from pipeline.outputs import MODELS, CorpusItem, read_facts, read_items
from pipeline.params import Params, load_params

HISTORY = "history.csv"
"""A row per epoch: epoch, train_loss, heldout (the task's first metric), best (0 or 1)."""

PRELOAD_BYTES = 4 << 30
"""fc6 features up to this size are read into memory once."""


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__)
    parser.add_argument("model", help="a key of models in params.yaml")
    name = parser.parse_args().model
    with stage_errors():
        params = load_params()
        params.model(name)
        items = training_items(read_items())
        split_speakers(items, params.train.heldout, params.train.seeds[0])
        for seed in params.train.seeds:
            key = seed_key(params, name, seed, items)
            job = Job(name, key, partial(train_seed, params, name, seed, items, key))
            publish(cached("train", job, params.execution), MODELS / name / f"seed-{seed}")
            checkpoint_of(params, key).unlink(missing_ok=True)


def training_items(items: list[CorpusItem]) -> list[CorpusItem]:
    """The labelled items of the train split.

    Raises:
        InputError: there is none.
    """
    chosen = [item for item in items if item.split == "train" and item.labelled]
    if not chosen:
        raise InputError("no item of the train split has labels", "add labels to the corpus")
    return chosen


def split_speakers(items: list[CorpusItem], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Names of the items to learn from and of those to choose the epoch by.

    Whole speakers are held out, drawn by the seed: at least one, and at least one is left.

    Raises:
        InputError: there is only one training speaker.
    """
    speakers = sorted({item.speaker for item in items})
    if len(speakers) < 2:
        raise InputError(
            "train.heldout needs two training speakers, and the corpus has one", "add a speaker"
        )
    count = min(max(1, round(share * len(speakers))), len(speakers) - 1)
    heldout = set(np.random.default_rng(seed).permutation(speakers)[:count].tolist())
    learning = [item.item for item in items if item.speaker not in heldout]
    return learning, [item.item for item in items if item.speaker in heldout]


def seed_key(params: Params, name: str, seed: int, items: list[CorpusItem]) -> str:
    """Hash of everything one seed's weights depend on."""
    inputs = [[item.speaker for item in items], keys_of(items)]
    settings = params.train.model_dump(exclude={"seeds", "checkpoint_seconds"})
    code = [hash_of_sources(Path("models"))]
    code += [hash_of_file(Path(module)) for module in (__file__, recogniser.__file__)]
    return hash_of(code, name, params.model(name).model_dump(), settings, seed, inputs)


def checkpoint_of(params: Params, key: str) -> Path:
    """Where the state of an unfinished seed is kept."""
    return params.execution.cache_folder / "training" / f"{key}.pt"


def train_seed(
    params: Params, name: str, seed: int, items: list[CorpusItem], key: str, out: Path
) -> None:
    """Train one seed of one model."""
    import torch

    from models.data import ClipData
    from models.networks import build
    from models.trainer import Epoch, train

    windows, fc6 = open_stores()
    learning, heldout = (
        ClipData(windows, fc6, names, preload_bytes=PRELOAD_BYTES)
        for names in split_speakers(items, params.train.heldout, seed)
    )
    if not learning.has_labels or not heldout.has_labels:
        raise InputError(
            "no valid label is left to learn from or to choose the epoch by",
            "check the labels' range and times",
        )
    torch.manual_seed(seed)
    model = params.model(name)
    network = build(model, learning.features, params.train.network, learning.task)
    title = f"train {name}, seed {seed}"
    with progress_bar(title, unit="epochs", total=params.train.epochs) as advance:

        def on_epoch(epoch: Epoch) -> None:
            advance(1, f"{learning.task.metrics[0]} {epoch.score:.3f}")

        trained = train(
            network,
            learning,
            heldout,
            model.ablation,
            params.train,
            seed=seed,
            checkpoint=checkpoint_of(params, key),
            device=torch.device(params.execution.torch_device),
            on_epoch=on_epoch,
        )
    normaliser = cast("dict[str, list[float]]", windows.attrs["normaliser"])
    gives_features = read_facts()["gives_features"]
    card = recogniser.Card(
        name=name,
        seed=seed,
        synthetic_corpus=params.corpus.is_synthetic,
        given_features=gives_features,
        task=learning.task,
        model=model,
        network=params.train.network,
        inputs=learning.features,
        precision=trained.precision,
        epochs=len(trained.history),
        best_epoch=trained.best_epoch,
        faces=params.faces,
        fc6=params.fc6.model_copy(update={"precision": fc6.attrs.get("precision", "auto")}),
        lld=params.lld,
        windows=params.windows,
        **normaliser,
    )
    recogniser.save(out, card, trained.weights)
    rows = [
        {
            "epoch": epoch.epoch,
            "train_loss": epoch.train_loss,
            "heldout": np.mean(epoch.heldout),
            "best": int(epoch.epoch == trained.best_epoch),
        }
        for epoch in trained.history
    ]
    pd.DataFrame(rows).to_csv(out / HISTORY, index=False, float_format="%.6g")


def publish(result: Path, target: Path) -> None:
    """Link a seed's files from the item cache to where DVC tracks them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in result.iterdir():
        link_or_copy(file, target / file.name)


if __name__ == "__main__":
    main()
