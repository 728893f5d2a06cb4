"""What the training of one seed of one model consists of; each part is killed and goes on alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.registry import metrics_of
from models.settings import MODALITIES, Modality, ModelSettings
from models.settings.network import options_of
from models.settings.resolved import Resolved
from pipeline.engine.console import progress_bar
from pipeline.params import Params

if TYPE_CHECKING:
    from models.networks.recogniser import Recogniser
    from models.training.data import ClipData
    from models.training.teaching import Teachers
    from models.training.trainer import Epoch, Trained

TRAIN, REFIT = "train", "refit"
TEACHERS: dict[Modality, str] = {modality: f"teacher-{modality}" for modality in MODALITIES}


@dataclass(frozen=True)
class TrainingRun:
    """A seed is trained, after its teachers if it has any, and goes on with all training speakers.

    Attributes:
        params: all settings.
        name: of the model.
        seed: of every random choice.
        key: of what comes out (`pipeline.train.seed_key`).
    """

    params: Params
    name: str
    seed: int
    key: str

    def checkpoint(self, part: str) -> Path:
        """Where the state of an unfinished part is kept."""
        return self.params.execution.cache_folder / "training" / f"{self.key}.{part}.pt"

    def forget(self) -> None:
        """Delete the states of all parts: the seed is done."""
        for part in (*TEACHERS.values(), TRAIN, REFIT):
            self.checkpoint(part).unlink(missing_ok=True)

    def teachers(self, learning: "ClipData", heldout: "ClipData") -> "Teachers":
        """Train a network of each modality alone, as large as the model, with nothing missing."""
        import torch

        from models.training.teaching import Teachers

        own = self._resolved
        resolved = Resolved(
            own.train.model_copy(update={"refit": 0, "teacher": 0.0}), options_of("unimodal", {})
        )
        device = torch.device(self.params.execution.torch_device)
        networks: dict[Modality, Recogniser] = {}
        for modality, part in TEACHERS.items():
            model = ModelSettings(network="unimodal", modalities=[modality])
            trained = self._run(part, model, resolved, learning, heldout)
            network = _build(model, resolved, learning)
            network.load_state_dict(trained.weights)
            networks[modality] = network.to(device)
        return Teachers(networks, own.train.teacher)

    def train(
        self, learning: "ClipData", heldout: "ClipData", teachers: "Teachers | None"
    ) -> "Trained":
        """Train a new network; the held-out clips choose the epoch."""
        return self._run(TRAIN, self._model, self._resolved, learning, heldout, teachers=teachers)

    def refit(
        self, everyone: "ClipData", trained: "Trained", teachers: "Teachers | None"
    ) -> "Trained":
        """Go on from the chosen weights with the clips of all training speakers."""
        settings = self._resolved.train
        changes = {
            "epochs": settings.refit,
            "learning_rate": settings.learning_rate / 2,  # its optimizer begins anew
            "precision": trained.precision,
        }
        resolved = Resolved(settings.model_copy(update=changes), self._resolved.options)
        return self._run(
            REFIT, self._model, resolved, everyone, None, begun=trained, teachers=teachers
        )

    @property
    def _model(self) -> ModelSettings:
        return self.params.model(self.name)

    @property
    def _resolved(self) -> Resolved:
        return self.params.resolved(self.name)

    def _run(
        self,
        part: str,
        model: ModelSettings,
        resolved: Resolved,
        learning: "ClipData",
        heldout: "ClipData | None",
        begun: "Trained | None" = None,
        teachers: "Teachers | None" = None,
    ) -> "Trained":
        """Train a network with a progress bar: a new one, or on from another part's weights."""
        import torch

        from models.training.trainer import train

        torch.manual_seed(self.seed)
        metric, *_ = metrics_of(learning.task)
        network = _build(model, resolved, learning)
        if begun is not None:
            network.load_state_dict(begun.weights)
        title = f"{part} {self.name}, seed {self.seed}"
        with progress_bar(title, unit="epochs", total=resolved.train.epochs) as advance:

            def on_epoch(epoch: "Epoch") -> None:
                said = f"{metric} {epoch.metric:.3f}"
                advance(1, said if np.isfinite(epoch.metric) else f"loss {epoch.train_loss:.3f}")

            return train(
                network,
                learning,
                heldout,
                model.ablation,
                resolved.train,
                metric=metric,
                seed=self.seed,
                checkpoint=self.checkpoint(part),
                device=torch.device(self.params.execution.torch_device),
                teachers=teachers,
                on_epoch=on_epoch,
            )


def _build(model: ModelSettings, resolved: Resolved, data: "ClipData") -> "Recogniser":
    from models.networks.build import build

    return build(model, data.features, resolved.size, data.task, resolved.options)
