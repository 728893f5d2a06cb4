"""What the training of one seed of one model consists of; each part is killed and goes on alone."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from features.errors import InputError
from features.settings import Modality
from models import recogniser
from models.networks.build import build
from models.networks.recogniser import Recogniser
from models.networks.registry import options_of
from models.progress import Progress, silent
from models.settings import ModelSettings
from models.settings.resolved import Resolved
from models.threads import threads
from models.training.checkpoint import Epoch
from models.training.data import ClipData
from models.training.plan import FACTS, Plan
from models.training.rows import TEACHER_NETWORK, TEACHERS
from models.training.state_folder import Checkpoints
from models.training.stores import ModelStores, open_stores
from models.training.teaching import Teachers
from models.training.trainer import Trained, train

TRAIN, REFIT = "train", "refit"


def train_seed(
    out: Path,
    *,
    plan: Plan,
    device: str,
    checkpoints: Checkpoints,
    preload_bytes: int = recogniser.PRELOAD_BYTES,
    progress: Progress = silent,
) -> None:
    """Train one seed of one model, after its teachers if it has any, and refit it if it is to be.

    Args:
        out: folder for weights, history and facts.
        plan: what to train.
        device: where.
        checkpoints: where states of unfinished parts are kept.
        preload_bytes: rows up to this size are read into memory; it changes no number.
        progress: told of every part.

    Raises:
        InputError: there is nothing to learn, or what came of it is undefined.
    """
    settings = plan.resolved.train
    stores = open_stores(plan.model.sees)
    with threads(settings.threads):
        learning, heldout = _labelled_clips(stores, plan, preload_bytes)
        run = _Run(plan, torch.device(device), checkpoints, progress)
        teachers = run.teachers(learning, heldout) if settings.teacher else None
        trained = run.train(learning, heldout, teachers)
        inputs = learning.features
        if settings.refit:
            del learning, heldout  # they may hold gigabytes
            everyone = recogniser.clips_of(
                stores,
                sorted([*plan.learning, *plan.heldout]),
                speakers=plan.speakers,
                preload_bytes=preload_bytes,
            )
            trained = replace(trained, weights=run.refit(everyone, trained, teachers).weights)
    recogniser.save_weights(out, trained.weights)
    write_history(trained, out / recogniser.HISTORY)
    facts = {
        "inputs": inputs,
        "precision": trained.precision,
        "epochs": len(trained.history),
        "best_epoch": trained.best_epoch,
    }
    (out / FACTS).write_text(json.dumps(facts) + "\n")


def _labelled_clips(
    stores: ModelStores, plan: Plan, preload_bytes: int
) -> tuple[ClipData, ClipData | None]:
    """The clips to learn from and those to choose the epoch by, if any are to."""
    left, both = preload_bytes, []
    for part in (plan.learning, plan.heldout):
        data = (
            recogniser.clips_of(stores, part, speakers=plan.speakers, preload_bytes=left)
            if part
            else None
        )
        left -= data.preloaded if data else 0
        both.append(data)
    learning, heldout = both
    if learning is None or not all(part.has_labels for part in both if part):
        raise InputError(
            "no valid label is left to learn from or to choose the epoch by",
            "check the labels' range and times",
        )
    return learning, heldout


def _check_finite(trained: Trained, part: str, remedy: str) -> None:
    """Refuse weights that are not numbers.

    Raises:
        InputError: some are.
    """
    if not recogniser.are_finite(trained.weights):
        raise InputError(f"the weights diverged in {part}", remedy)


@dataclass(frozen=True)
class _Run:
    """The parts of a training."""

    plan: Plan
    device: torch.device
    checkpoints: Checkpoints
    progress: Progress

    def teachers(self, learning: ClipData, heldout: ClipData | None) -> Teachers:
        """Train a network of each modality alone, as large as the model, with nothing missing."""
        train = self.plan.resolved.train
        resolved = Resolved(
            train.model_copy(update={"refit": 0, "teacher": 0.0}), options_of(TEACHER_NETWORK, {})
        )
        networks: dict[Modality, Recogniser] = {}
        for modality, part in TEACHERS.items():
            model = ModelSettings(network=TEACHER_NETWORK, sees=[modality])
            features = {modality: learning.features[modality]}
            network = self._new(model, resolved, features, learning)
            trained = self._train(part, network, model, resolved, learning, heldout)
            _check_finite(trained, f"the training of the {part}", "lower train.learning_rate")
            network.load_state_dict(trained.weights)
            networks[modality] = network.to(self.device)
        return Teachers(networks, train.teacher)

    def train(
        self, learning: ClipData, heldout: ClipData | None, teachers: Teachers | None
    ) -> Trained:
        """Train a new network; the held-out clips choose the epoch, where there are any.

        Raises:
            InputError: they cannot, or training diverged.
        """
        model, resolved = self.plan.model, self.plan.resolved
        network = self._new(model, resolved, learning.features, learning)
        if self.plan.init is not None:
            recogniser.load_weights(self.plan.init, network)
        elif model.weights is not None:
            network.begin(Path(model.weights.path), model.weights.sha256)
        trained = self._train(TRAIN, network, model, resolved, learning, heldout, teachers)
        choose_by = resolved.train.choose_by
        if heldout is None:
            _check_finite(trained, "training", "lower train.learning_rate")
        elif not any(np.isfinite(epoch.score(choose_by)) for epoch in trained.history):
            chosen_by = "loss" if choose_by == "loss" else self.plan.metric
            raise InputError(
                f"the held-out {chosen_by} is undefined in every epoch: held-out labels or "
                "predictions are constant or not numbers",
                "hold out more clips, or change train.learning_rate",
            )
        else:  # a metric of classes may be defined where weights are not
            _check_finite(trained, "training", "lower train.learning_rate")
        return trained

    def refit(self, everyone: ClipData, trained: Trained, teachers: Teachers | None) -> Trained:
        """Go on from the chosen weights with the clips of all training speakers.

        Raises:
            InputError: training diverged.
        """
        model, train = self.plan.model, self.plan.resolved.train
        changes = {
            "epochs": train.refit,
            "learning_rate": train.learning_rate / 2,  # its optimizer starts again
            "precision": trained.precision,
        }
        resolved = Resolved(train.model_copy(update=changes), self.plan.resolved.options)
        network = self._new(model, resolved, everyone.features, everyone)
        network.load_state_dict(trained.weights)
        refitted = self._train(REFIT, network, model, resolved, everyone, None, teachers)
        remedy = "set train.refit to 0, or lower train.learning_rate"
        _check_finite(refitted, "the refit", remedy)
        return refitted

    def _new(
        self,
        model: ModelSettings,
        resolved: Resolved,
        features: dict[Modality, int],
        data: ClipData,
    ) -> Recogniser:
        torch.manual_seed(self.plan.seed)
        return build(model, features, resolved.size, data.task, resolved.options)

    def _train(
        self,
        part: str,
        network: Recogniser,
        model: ModelSettings,
        resolved: Resolved,
        learning: ClipData,
        heldout: ClipData | None,
        teachers: Teachers | None = None,
    ) -> Trained:
        metric = self.plan.metric
        with self.progress(part, "epochs", resolved.train.epochs) as advance:

            def on_epoch(epoch: Epoch) -> None:
                score = f"{metric} {epoch.metric:.3f}"
                advance(1, score if np.isfinite(epoch.metric) else f"loss {epoch.train_loss:.3f}")

            return train(
                network,
                learning,
                heldout,
                model.ablation,
                resolved.train,
                metric=metric,
                seed=self.plan.seed,
                checkpoint=self.checkpoints.path(part),
                device=self.device,
                teachers=teachers,
                before_saving=self.checkpoints.check,
                on_epoch=on_epoch,
                say=self.checkpoints.say,
            )


def write_history(trained: Trained, path: Path) -> None:
    """Write a row per epoch."""
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
