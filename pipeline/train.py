"""Stage train@MODEL: train one model of params.yaml, once per seed.

Finished seeds and the state of an unfinished one are kept in the item cache, so a killed run goes
on where it was.
"""

import argparse
import shutil
from functools import partial
from pathlib import Path
from typing import Literal, cast

import numpy as np
import pandas as pd

from features.corpora.item import Task
from features.errors import InputError
from features.store import link_or_copy
from models.settings import AuxFormerOptions
from pipeline import recogniser
from pipeline.clips import keys_of, open_stores
from pipeline.console import progress_bar
from pipeline.hashes import hash_of, hash_of_file, hash_of_sources
from pipeline.items import Job, cached, stage_errors
from pipeline.outputs import MODELS, CorpusItem, read_facts, read_items, read_task
from pipeline.params import Params, load_params

HISTORY = "history.csv"
"""A row per epoch: epoch, train_loss, heldout (the task's first metric), heldout_loss, best (0 or
1)."""

SMALLEST_OPTIMIZED = 5
"""Clips of a batch, a fifth of which is a clip."""


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__)
    parser.add_argument("model", help="a key of models in params.yaml")
    name = parser.parse_args().model
    with stage_errors():
        params = load_params()
        params.model(name)
        check_settings(params, read_task(), gives_features=read_facts()["gives_features"])
        items = training_items(read_items(), params.train.heldout)
        parts(items, params.train.heldout, params.train.seeds[0])
        for seed in params.train.seeds:
            key = seed_key(params, name, seed, items)
            job = Job(name, key, partial(train_seed, params, name, seed, items, key))
            publish(cached("train", job, params.execution), MODELS / name / f"seed-{seed}")
            checkpoint_of(params, key).unlink(missing_ok=True)


def check_settings(params: Params, task: Task, *, gives_features: bool) -> None:
    """Refuse what cannot be trained, or would give misleading results.

    Args:
        params: all settings; those of every model are checked.
        task: of the corpus.
        gives_features: whether the corpus has features in place of media.

    Raises:
        InputError: names the setting.
    """
    if params.train.heldout == params.evaluate.split == "validation":
        raise InputError(
            "train.heldout and evaluate.split are both validation: the epoch would be chosen on "
            "the clips that results are reported of",
            "evaluate on test, or hold out a share of the training speakers",
        )
    if gives_features and any(c.strategy == "blank_face" for c in params.evaluate.conditions):
        raise InputError(
            "evaluate.conditions has blank_face, and the corpus gives features, no faces",
            "leave it out",
        )
    for name in params.models:
        _check_model(params, name, task, gives_features)


def _check_model(params: Params, name: str, task: Task, gives_features: bool) -> None:
    resolved, strategy = params.resolved(name), params.models[name].ablation.strategy
    train, options = resolved.train, resolved.options
    if train.class_weights != "none" and task.kind != "classification":
        raise InputError(
            f"train.class_weights of {name} is {train.class_weights}, and the corpus has no "
            "classes",
            "set it to none",
        )
    if train.batch_clips == 1 and (task.kind, task.level) == ("regression", "sequence"):
        raise InputError(
            f"train.batch_clips of {name} is 1, and one label has no CCC", "set it to 2 or more"
        )
    if train.batch_clips < SMALLEST_OPTIMIZED and strategy == "optimized":
        raise InputError(
            f"train.batch_clips of {name} is {train.batch_clips}, of which optimized cannot take "
            "a fifth",
            f"set it to {SMALLEST_OPTIMIZED} or more",
        )
    pools = isinstance(options, AuxFormerOptions) and options.pooling != AuxFormerOptions().pooling
    if pools and task.level == "frame":
        raise InputError(
            f"options.pooling of {name} is set, and every frame has labels of its own: nothing is "
            "pooled",
            "leave it out",
        )
    if strategy == "blank_face" and gives_features:
        raise InputError(
            f"models.{name}.ablation.strategy is blank_face, and the corpus gives features, "
            "no faces",
            "choose another strategy",
        )


def training_items(
    items: list[CorpusItem], heldout: float | Literal["validation"]
) -> list[CorpusItem]:
    """The labelled items to learn from and to choose the epoch by.

    Raises:
        InputError: there are none to learn from.
    """
    splits = ("train", "validation") if heldout == "validation" else ("train",)
    chosen = [item for item in items if item.split in splits and item.labelled]
    if not any(item.split == "train" for item in chosen):
        raise InputError("no item of the train split has labels", "add labels to the corpus")
    return chosen


def parts(
    items: list[CorpusItem], heldout: float | Literal["validation"], seed: int
) -> tuple[list[str], list[str]]:
    """Names of the items to learn from and of those to choose the epoch by.

    Raises:
        InputError: there are none to choose by.
    """
    if heldout != "validation":
        return split_speakers(items, heldout, seed)
    learning, chosen_by = (
        [item.item for item in items if item.split == split] for split in ("train", "validation")
    )
    if not chosen_by:
        raise InputError(
            "train.heldout is validation, and no labelled item is in that split",
            "make it a share of the training speakers",
        )
    return learning, chosen_by


def split_speakers(items: list[CorpusItem], share: float, seed: int) -> tuple[list[str], list[str]]:
    """See `parts`; whole speakers are held out, drawn by the seed.

    At least one speaker is held out, and at least one is left.

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
    inputs = [[(item.split, item.speaker) for item in items], keys_of(items)]
    resolved = params.resolved(name)
    settings = [
        resolved.train.model_dump(exclude={"seeds", "checkpoint_seconds"}),
        resolved.options.model_dump(),
    ]
    code = [hash_of_sources("models")]
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

    from models.networks import build
    from models.trainer import Epoch, train

    windows, fc6 = open_stores()
    learning, heldout = (
        recogniser.clips_of((windows, fc6), names)
        for names in parts(items, params.train.heldout, seed)
    )
    if not learning.has_labels or not heldout.has_labels:
        raise InputError(
            "no valid label is left to learn from or to choose the epoch by",
            "check the labels' range and times",
        )
    torch.manual_seed(seed)
    model, resolved = params.model(name), params.resolved(name)
    settings = resolved.train
    network = build(model, learning.features, resolved.size, learning.task, resolved.options)
    title = f"train {name}, seed {seed}"
    with progress_bar(title, unit="epochs", total=settings.epochs) as advance:

        def on_epoch(epoch: Epoch) -> None:
            advance(1, f"{learning.task.metrics[0]} {epoch.metric:.3f}")

        trained = train(
            network,
            learning,
            heldout,
            model.ablation,
            settings,
            seed=seed,
            checkpoint=checkpoint_of(params, key),
            device=torch.device(params.execution.torch_device),
            on_epoch=on_epoch,
        )
    if not any(np.isfinite(epoch.score(settings.choose_by)) for epoch in trained.history):
        chosen_by = "loss" if settings.choose_by == "loss" else learning.task.metrics[0]
        raise InputError(
            f"the held-out {chosen_by} of {name} is undefined in every epoch: held-out labels or "
            "predictions are constant or not numbers",
            "hold out more clips, or change train.learning_rate",
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
        train=settings.model_copy(update={"seeds": [seed]}),
        options=resolved.options.model_dump(),
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
            "heldout": epoch.metric,
            "heldout_loss": epoch.heldout_loss,
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
