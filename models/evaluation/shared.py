"""What the conditions of an evaluation have in common, computed once.

A projection is affine per frame, so ablation is applied after it; the intact streams are encoded
once; a clip_zero trial at any probability is a choice per clip between predictions already made.
`tests/models/evaluation/test_evaluator.py` shows this equal to ablating the inputs.

A frame that is imputed counts as received if the frame that it repeats was: who imputes hands on
whole streams. A network that takes repeats for missing frames finds those that `hold` made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, reduce
from itertools import combinations, groupby

import torch
from torch import Tensor

from models.ablation.frame_map import FrameMap, Lost
from models.ablation.registry import STRATEGIES
from models.ablation.signal import filling_of_rows, gathered, lost_rows, received
from models.ablation.strategies import filling
from models.evaluation.conditions import Condition, Run
from models.evaluation.drawn import IMPUTED, key_of_run, steps_of_run
from models.evaluation.fillers import Fillers
from models.networks.recogniser import Projected, Recogniser
from models.settings import Modality
from models.settings.evaluation import FROM_TRAINING
from models.training.batch import Batch

PASS_NUMBERS = 1 << 24
"""Numbers of one modality that go through a network at a time, 64 MB: ten trials of the paper's
size, of long sequences fewer."""


class Shared:
    """The work on one batch that conditions share."""

    def __init__(
        self, network: Recogniser, batch: Batch, seed: int, fillers: Fillers | None = None
    ) -> None:
        self.network = network
        self.batch = batch
        self.seed = seed
        self.fillers = fillers
        inputs, masks, received = batch.inputs(), batch.masks(), batch.received()
        self.projected = {
            m: network.receive(m, inputs[m], masks[m], received[m]) for m in network.modalities
        }
        self.encoded = {m: network.perceive(m, x) for m, x in self.projected.items()}
        self._gone: dict[tuple[Modality, ...], Tensor] = {}
        self._rows: dict[Modality, Projected] = {}

    @cached_property
    def intact(self) -> Tensor:
        """Predictions (clips, frames, outputs) on intact input."""
        return self.network.answer(self.encoded).fused

    def gone(self, modalities: tuple[Modality, ...]) -> Tensor:
        """Predictions (clips, frames, outputs) with some modalities zero throughout."""
        if modalities not in self._gone:
            empty = {m: [self.network.empty(m, self.projected[m])] for m in modalities}
            self._gone[modalities] = self._fused(empty)[0]
        return self._gone[modalities]

    def predict(self, runs: Sequence[Run]) -> Tensor:
        """Predictions (runs, clips, frames, outputs)."""
        groups = groupby(runs, key=lambda run: run.condition)
        return torch.cat([self._condition(condition, list(trials)) for condition, trials in groups])

    def _condition(self, condition: Condition, runs: Sequence[Run]) -> Tensor:
        modalities = tuple(m for m in self.network.modalities if m in condition.modalities)
        if condition.p == 0 or not modalities:
            return self.intact.expand(len(runs), -1, -1, -1)
        if self._takes_whole_clips(condition, modalities):
            return torch.stack([self._chosen(modalities, run) for run in runs])
        largest = max(self.projected[m].x.numel() for m in modalities)
        size = max(1, PASS_NUMBERS // largest)
        parts = [runs[start : start + size] for start in range(0, len(runs), size)]
        return torch.cat(
            [
                self._fused({m: [self._lossy(m, run) for run in part] for m in modalities})
                for part in parts
            ]
        )

    def _chosen(self, modalities: Sequence[Modality], run: Run) -> Tensor:
        """Predictions of a run in which every clip is whole or has lost whole modalities."""
        lost = {m: self._map(m, run).empty[:, :1, None] for m in modalities}
        chosen = self.intact
        for count in range(1, len(lost) + 1):
            for together in combinations(lost, count):
                # Those that have lost more come later, and overrule those that have lost less.
                lost_together = reduce(torch.logical_and, (lost[m] for m in together))
                chosen = torch.where(lost_together, self.gone(together), chosen)
        return chosen

    def _takes_whole_clips(self, condition: Condition, modalities: Sequence[Modality]) -> bool:
        """Whether every clip is either as it was or has lost all that is seen of a modality."""
        if not condition.takes_whole_clips or condition.unit == "window":
            return condition.takes_whole_clips
        if condition.p == 1 and not STRATEGIES[condition.strategy].joint:
            return True
        # Of a sound with a context other clips see some as well.
        return all(self.batch.streams[m].places.first.shape[1] == 1 for m in modalities)

    def _map(self, modality: Modality, run: Run) -> FrameMap:
        """What becomes of every step."""
        projected = self.projected[modality]
        present = projected.mask & projected.received
        return steps_of_run(self.batch, modality, run, self.seed, present)

    def _key(self, run: Run) -> tuple[object, ...]:
        return key_of_run(self.seed, run)

    def _lossy(self, modality: Modality, run: Run) -> Projected:
        """A modality after a run's losses."""
        if run.condition.unit == "signal":
            return self._lossy_rows(modality, run)
        if run.condition.fill in FROM_TRAINING:
            return self.network.lose(modality, self.projected[modality], self._given(modality, run))
        frame_map = self._map(modality, run)
        lost = Lost(frame_map, filling(frame_map, modality, self.batch, self._key(run)))
        return self.network.lose(modality, self.projected[modality], lost)

    def _given(self, modality: Modality, run: Run) -> Lost:
        """Lost steps with what training frames have to say of them."""
        assert self.fillers is not None  # made where a condition asks for them
        frame_map, received = self._map(modality, run), self.batch.received()
        if run.condition.fill == "mean":
            vectors = self.fillers.mean(modality, self.batch).expand(*frame_map.empty.shape, -1)
        else:
            left = {m: received[m] for m in self.network.modalities}
            for m in set(run.condition.modalities) & set(left):
                left[m] = left[m] & ~self._map(m, run).empty
            vectors = self.fillers.vectors(modality, self.batch, frame_map.empty, left)
        # What never was there is not filled.
        vectors = torch.where(received[modality].unsqueeze(-1), vectors, 0.0)
        return Lost(replace(frame_map, filling="given"), vectors)

    def _lossy_rows(self, modality: Modality, run: Run) -> Projected:
        """Likewise, where rows are lost before their context is gathered."""
        part, key = self.batch.streams[modality], self._key(run)
        rows = lost_rows(run.condition.ablation, modality, self.batch, key)
        assert rows is not None  # as above
        if run.condition.fill in IMPUTED:
            rows = rows.imputed(run.condition.fill, part.places.present)
        filled = filling_of_rows(rows, modality, self.batch, key)
        if run.condition.fill == "mean":
            assert self.fillers is not None  # as above
            mean = self.fillers.means[modality]
            filled = torch.where(part.places.present.unsqueeze(-1), mean, 0.0)
            rows = replace(rows, filling="given")
        if part.index.shape[2] > 1:
            # A row is projected differently at each place of a context: to project all of them for
            # 60 places, and to add 60 projections a step, takes longer than to project the steps.
            lossy = gathered(part, rows, filled)
            return self.network.receive(modality, lossy.inputs, part.mask, lossy.received)
        projected = self.network.lose(modality, self._projected_rows(modality), Lost(rows, filled))
        at = part.index[..., 0]
        runs = projected.runs
        return Projected(
            projected.x.gather(1, at.unsqueeze(-1).expand(-1, -1, projected.x.shape[2])),
            part.mask,
            received(part, rows),
            None if runs is None else runs.gather(1, at),
        )

    def _projected_rows(self, modality: Modality) -> Projected:
        """The rows of a stream without a context, projected once for all conditions."""
        if modality not in self._rows:
            part = self.batch.streams[modality]
            mask = torch.ones_like(part.places.present)
            self._rows[modality] = self.network.receive(
                modality, part.rows.float(), mask, part.places.present
            )
        return self._rows[modality]

    def _fused(self, lossy: Mapping[Modality, Sequence[Projected]]) -> Tensor:
        """Predictions (runs, clips, frames, outputs), all runs in one pass.

        Args:
            lossy: each modality that loses, in every run.
        """
        count = len(next(iter(lossy.values())))
        encoded = {m: x.repeated(count) for m, x in self.encoded.items() if m not in lossy}
        for modality, runs in lossy.items():
            encoded[modality] = self.network.perceive(modality, Projected.joined(runs))
        return self.network.answer(encoded).fused.unflatten(0, (count, -1))
