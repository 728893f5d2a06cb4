"""The evaluation of one trained seed, as tables without the model's name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from features.corpora.listing import CALIBRATION, COST, GROUPS, REPLICATES, TRUST
from features.hashes import hash_of_file
from features.task import Task
from models import recogniser
from models.evaluation.causal import predict_causally
from models.evaluation.conditions import CAUSAL, Run, all_conditions, grid, runs_under
from models.evaluation.cost import cost_table
from models.evaluation.evaluator import evaluate, pooled_scores, predict
from models.evaluation.fillers import Fillers, fillers_of
from models.evaluation.groups import scores_of_groups
from models.evaluation.natural import natural_scores
from models.evaluation.plan import Speakers
from models.evaluation.registry import CHOOSING, REPORTED
from models.evaluation.replicates import replicates_of_runs
from models.evaluation.scores import Scores, pooled
from models.evaluation.tables import (
    Evaluated,
    Predictions,
    answers,
    metrics_of_conditions,
    metrics_of_items,
    metrics_of_runs,
    metrics_of_subsets,
    traces,
)
from models.evaluation.trust import trust_of
from models.networks.recogniser import Recogniser
from models.progress import Progress, silent
from models.recogniser import Card
from models.settings import EvaluateSettings
from models.threads import threads
from models.training.data import ClipData
from models.training.stores import ModelStores, open_stores


def evaluate_seed(
    out: Path,
    *,
    card: Card,
    folder: Path,
    speakers: Speakers,
    settings: EvaluateSettings,
    metrics: Sequence[str],
    device: str,
    allow: Collection[str] | None = None,
    preload_bytes: int = recogniser.PRELOAD_BYTES,
    progress: Progress = silent,
) -> None:
    """Run a trained seed under every condition, and write its tables.

    Args:
        out: folder for the tables.
        card: of the recogniser.
        folder: with its weights.
        speakers: whom it is evaluated on.
        settings: the conditions.
        metrics: names of rows of METRICS, the primary one first.
        device: where to run.
        allow: modules of the user's own that may be imported; None where params.yaml names the
            model.
        preload_bytes: rows up to this size are read into memory; it changes no number.
        progress: told of the clips.
    """
    with threads(settings.threads):
        network = recogniser.load_network(folder, card, allow=allow)
        stores, place = open_stores(card.model.sees, moments=card.moments), torch.device(device)
        fillers = _fillers(stores, speakers.training, settings, preload_bytes, place)
        data = recogniser.clips_of(stores, speakers.reported, preload_bytes=preload_bytes)
        choosing = None
        if speakers.choosing:
            left = preload_bytes - data.preloaded
            choosing = recogniser.clips_of(stores, speakers.choosing, preload_bytes=left)
        runs = _Runs(network, settings, metrics, place, progress, fillers)
        evaluation, replicates, groups = _under_conditions(runs, data, choosing, speakers)
        predictions = predict(network, data, place, settings.batch_clips)
        calibration, trust = trust_of(
            network,
            data,
            choosing,
            speakers.speaker_of,
            hash_of_file(folder / recogniser.WEIGHTS),
            seed=settings.seed,
            device=place,
            batch_clips=settings.batch_clips,
        )
        cost = cost_table(network, data)
    if settings.natural:
        natural = metrics_of_subsets(data.task, natural_scores(data, predictions, metrics))
        evaluation = pd.concat([evaluation, natural])
    videos, drawn = _tables_of_items(data, predictions, metrics)
    videos.insert(1, "speaker", videos["item"].map(speakers.speaker_of))
    of_seed = {"evaluation": evaluation, "videos": videos, TRUST: trust, COST: cost}
    for name, table in of_seed.items():
        table.insert(0, "seed", card.seed)
        _write(table, out, name)
    _write(drawn, out, "traces")
    replicates.to_parquet(out / f"{REPLICATES}.parquet", index=False)
    groups.to_parquet(out / f"{GROUPS}.parquet", index=False)
    (out / CALIBRATION).write_text(calibration.model_dump_json(indent=1) + "\n")


def _fillers(
    stores: ModelStores,
    training: Sequence[str],
    settings: EvaluateSettings,
    preload_bytes: int,
    device: torch.device,
) -> Fillers | None:
    """What some conditions put in place of lost frames, learnt from the training items."""
    if not training:
        return None
    learnt = recogniser.clips_of(stores, training, preload_bytes=preload_bytes)
    neighbours = "neighbours" in {condition.fill for condition in settings.conditions}
    return fillers_of(learnt, neighbours=neighbours).to(device)


@dataclass(frozen=True)
class _Runs:
    """A network under every condition."""

    network: Recogniser
    settings: EvaluateSettings
    metrics: Sequence[str]
    device: torch.device
    progress: Progress
    fillers: Fillers | None

    @property
    def order(self) -> list[Run]:
        """Every run, in the order of the scores."""
        return runs_under(all_conditions(self.settings), self.settings.trials)

    def scores(self, data: ClipData, speakers: str) -> dict[str, Scores]:
        """Scores (runs, targets) by item.

        Args:
            data: the clips of some items.
            speakers: REPORTED or CHOOSING.
        """
        with self.progress("evaluate", f"clips, {speakers}", len(data.clips)) as advance:
            return evaluate(
                self.network,
                data,
                self.order,
                metrics=self.metrics,
                seed=self.settings.seed,
                device=self.device,
                batch_clips=self.settings.batch_clips,
                fillers=self.fillers,
                on_clips=advance,
            )

    def tables(
        self,
        task: Task,
        scores: Mapping[str, Scores],
        speakers: str,
        unit_of: Mapping[str, str] | None = None,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The metrics of every run, and the bootstrap of every condition.

        Args:
            task: what was recognised.
            scores: (runs, targets) by item.
            speakers: REPORTED or CHOOSING.
            unit_of: what is resampled in place of single items, by item.
        """
        evaluated = Evaluated(speakers, grid(self.settings))
        return (
            metrics_of_runs(task, self.order, pooled(scores.values()), evaluated),
            replicates_of_runs(task, self.order, scores, evaluated, unit_of),
        )

    def causal(self, data: ClipData) -> pd.DataFrame:
        """The metrics where every frame is answered from the last `clip_frames` alone."""
        scores = {}
        for condition in CAUSAL:
            predictions = predict_causally(
                self.network,
                data,
                self.device,
                self.settings.batch_clips,
                stretch=1,
                gone=condition.modalities if condition.p else (),
            )
            scores[condition] = pooled_scores(data, predictions, self.metrics)
        return metrics_of_conditions(data.task, scores, Evaluated(REPORTED, CAUSAL))


def _under_conditions(
    runs: _Runs, data: ClipData, choosing: ClipData | None, speakers: Speakers
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The metrics of every run, the bootstrap of every condition, and the scores of groups."""
    scores = runs.scores(data, REPORTED)
    tables = [runs.tables(data.task, scores, REPORTED)]
    groups = scores_of_groups(data.task, runs.order, scores, speakers.groups, speakers.speaker_of)
    if choosing is not None:
        scores = runs.scores(choosing, CHOOSING)
        tables.append(runs.tables(data.task, scores, CHOOSING, speakers.speaker_of))
    evaluation = [table for table, _ in tables]
    if runs.settings.causal:
        evaluation.append(runs.causal(data))
    replicates = pd.concat([table for _, table in tables], ignore_index=True)
    return pd.concat(evaluation), replicates, groups


def _tables_of_items(
    data: ClipData, predictions: Predictions, metrics: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row per item, and the predictions of frames; the latter is empty for sequences."""
    if data.task.level == "frame":
        # Of classes there is no curve.
        shown = {} if data.task.kind == "classification" else predictions
        return metrics_of_items(data, predictions, metrics), traces(data, shown)
    return answers(data, predictions), traces(data, {})


def _write(table: pd.DataFrame, folder: Path, name: str) -> None:
    table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
