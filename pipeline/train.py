"""Stage train@MODEL: train one model of params.yaml, once per seed.

Finished seeds and the state of an unfinished one are kept in the item cache, so a killed run goes
on where it was.
"""

import argparse
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from features.corpora.listing import MODELS, CorpusItem, read_facts, read_items, read_task
from features.errors import InputError
from features.hashes import hash_of, hash_of_file, hash_of_sources
from features.settings import Modality
from features.stores.store import link_or_copy
from features.task import Task
from models import recogniser
from models.evaluation.registry import metrics_of
from models.training import run as training_run
from models.training.checks import check_settings
from models.training.run import TrainingRun
from models.training.stores import ModelStores, open_stores, read_inputs
from pipeline.engine.jobs import Job, cached, stage_errors
from pipeline.keys import check
from pipeline.params import Params, load_params

if TYPE_CHECKING:
    from models.training.trainer import Trained

HISTORY = "history.csv"
"""A row per epoch before the refit: epoch, train_loss, heldout (the task's first metric),
heldout_loss, best (0 or 1)."""


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.train", description=__doc__)
    parser.add_argument("model", help="a key of models in params.yaml")
    name = parser.parse_args().model
    with stage_errors():
        params = load_params()
        params.model(name)  # refuses a name that is not there
        check(params, "train", name)
        check_settings(params, read_task(), gives_features=read_facts()["gives_features"])
        items = training_items(read_items(), params.train.heldout)
        parts(items, params.train.heldout, params.train.seeds[0])
        for seed in params.train.seeds:
            key = seed_key(params, name, seed, items)
            job = Job(name, key, partial(train_seed, params, name, seed, items, key))
            publish(cached("train", job, params.execution), MODELS / name / f"seed-{seed}")
            TrainingRun(params, name, seed, key).forget()


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
    names = [item.item for item in items]
    inputs = [[(item.split, item.speaker) for item in items], read_inputs(name).for_training(names)]
    resolved = params.resolved(name)
    settings = [
        resolved.train.model_dump(exclude={"seeds", "checkpoint_seconds"}),
        resolved.options.model_dump(),
    ]
    code = [hash_of_sources("models")]
    code += [
        hash_of_file(Path(module))
        for module in (__file__, training_run.__file__, recogniser.__file__)
    ]
    return hash_of(code, name, params.model(name).model_dump(), settings, seed, inputs)


def train_seed(
    params: Params, name: str, seed: int, items: list[CorpusItem], key: str, out: Path
) -> None:
    """Train one seed of one model."""
    stores = open_stores(params.model(name).sees)
    names = parts(items, params.train.heldout, seed)
    learning, heldout = (recogniser.clips_of(stores, part) for part in names)
    if not learning.has_labels or not heldout.has_labels:
        raise InputError(
            "no valid label is left to learn from or to choose the epoch by",
            "check the labels' range and times",
        )
    settings = params.resolved(name).train
    run = TrainingRun(params, name, seed, key)
    teachers = run.teachers(learning, heldout) if settings.teacher else None
    trained = run.train(learning, heldout, teachers)
    if not any(np.isfinite(epoch.score(settings.choose_by)) for epoch in trained.history):
        chosen_by = "loss" if settings.choose_by == "loss" else metrics_of(learning.task)[0]
        raise InputError(
            f"the held-out {chosen_by} of {name} is undefined in every epoch: held-out labels or "
            "predictions are constant or not numbers",
            "hold out more clips, or change train.learning_rate",
        )
    task, inputs = learning.task, learning.features
    if settings.refit:
        del learning, heldout  # they may hold gigabytes
        everyone = recogniser.clips_of(stores, sorted([*names[0], *names[1]]))
        more = run.refit(everyone, trained, teachers)
        if not all(bool(weights.isfinite().all()) for weights in more.weights.values()):
            raise InputError(
                f"{name} diverged in its refit",
                "set train.refit to 0, or lower train.learning_rate",
            )
        trained = replace(trained, weights=more.weights)
    recogniser.save(out, _card(params, name, seed, task, inputs, trained, stores), trained.weights)
    _write_history(trained, out / HISTORY)


def _card(
    params: Params,
    name: str,
    seed: int,
    task: Task,
    inputs: dict[Modality, int],
    trained: "Trained",
    stores: ModelStores,
) -> recogniser.Card:
    """What a recogniser has to say of itself."""
    resolved = params.resolved(name)
    return recogniser.Card(
        name=name,
        seed=seed,
        synthetic_corpus=params.corpus.is_synthetic,
        given_features=bool(read_facts()["gives_features"]),
        task=task,
        model=params.model(name),
        train=resolved.train.model_copy(update={"seeds": [seed]}),
        options=resolved.options.model_dump(),
        inputs=inputs,
        precision=trained.precision,
        epochs=len(trained.history),
        best_epoch=trained.best_epoch,
        faces=params.faces if "video" in params.seen(name) else None,
        streams=recogniser.streams_seen(params.seen(name), params.streams, stores),
        windows=params.windows,
    )


def _write_history(trained: "Trained", path: Path) -> None:
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
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.6g")


def publish(result: Path, target: Path) -> None:
    """Link a seed's files from the item cache to where DVC tracks them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in result.iterdir():
        link_or_copy(file, target / file.name)


if __name__ == "__main__":
    main()
