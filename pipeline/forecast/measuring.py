"""Measuring: the stages' own functions on a piece of seconds, copied to be a corpus by itself."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.corpora.item import TIME, Corpus, Split
from features.corpora.listing import FACES, ITEMS, LABELS, STREAMS, WINDOWS, CorpusItem, fresh
from features.errors import InputError
from features.extractors.crops import open_faces
from features.extractors.given import GivenSource, describe_given, shows_media, streams_given
from features.extractors.items import loaded
from features.extractors.joined import parts_of
from features.extractors.own import is_of_crops
from features.extractors.registry import EXTRACTORS
from features.extractors.settings import GivenSettings
from features.hashes import hash_of_file
from features.stores.assembling import assemble
from features.stores.store import Store
from pipeline import faces
from pipeline.engine.job import failure_of
from pipeline.extract import attributes_without_rows
from pipeline.extraction.inspecting import write_facts
from pipeline.extraction.jobs import device_of, faces_job, sound_job
from pipeline.extraction.together import settled
from pipeline.forecast.models import model_rate, size_of, timed
from pipeline.forecast.piece import SHORT_SECONDS, cut
from pipeline.forecast.scaling import Measures, Rate
from pipeline.params import Params
from pipeline.windows import windows_of

PIECE_SECONDS = 2.0
"""Of the piece, and of every item that is made of it."""

COPIES: Mapping[Split, int] = {"train": 10, "validation": 2, "test": 16}
"""Items that the piece is copied to, each a speaker: a step's worth, and two who choose."""

TRIED = 3
"""Recordings that a face is looked for in."""


class Measuring:
    """The stages on a small corpus in a folder of its own.

    Args:
        params: the settings.
        corpus: as its reader gives it.
        table: its items.
        folder: an empty one.

    Attributes:
        measures: what was found.
    """

    def __init__(self, params: Params, corpus: Corpus, table: pd.DataFrame, folder: Path) -> None:
        self.measures = Measures()
        self._params, self._corpus, self._table = params, corpus, table
        self._folder = folder
        self._names = [f"{split}-{i}" for split, count in COPIES.items() for i in range(count)]

    def run(self) -> Measures:
        """Measure one stage after the other."""
        candidates = list(_by_length(self._table))[:TRIED]
        piece = self._piece(candidates[0], 0)
        if piece.path and shows_media(self._params.streams):
            with self._noted("faces"):
                piece = self._faces(candidates)
        self.measures.piece = f"{piece.seconds:.1f} s of {piece.item}"
        for name in self._params.streams:
            with self._noted(f"extract@{name}"):
                self._stream(name, piece)
        self._of_models(piece)
        return self.measures

    @contextmanager
    def _noted(self, stage: str) -> Iterator[None]:
        """Go on without a stage that cannot be measured, and say why."""
        try:
            yield
        except Exception as error:
            reason = failure_of(stage, error).reason
            self.measures.notes.append(f"{stage} is not estimated: {reason}")

    # -------------------------------------------------------------- pictures and sound

    def _piece(self, item: CorpusItem, number: int) -> CorpusItem:
        """Some seconds of an item, in a file of its own; features that are given are left whole."""
        if not item.path:
            return item
        start = 0.0 if np.isnan(item.start) else item.start
        seconds = min(PIECE_SECONDS, item.seconds)
        path = self._folder / f"piece-{number}.mkv"
        try:
            cut(Path(item.path), path, start=start + (item.seconds - seconds) / 2, seconds=seconds)
        except InputError:
            if item.seconds > SHORT_SECONDS:
                raise
            path, seconds = Path(item.path), item.seconds
        whole: dict[str, Any] = {"start": 0.0, "end": float("nan"), "seconds": seconds}
        return replace(item, path=str(path), sha256=hash_of_file(path), crops="", **whole)

    def _faces(self, candidates: list[CorpusItem]) -> CorpusItem:
        """Find the faces of the first of some recordings that shows one."""
        settings, store = self._params.faces, self._folder / FACES
        faces.check_detector(settings)
        for number, item in enumerate(candidates):
            piece, out = self._piece(item, number), self._folder / f"faces-{number}"
            compute = faces.job_of(piece, settings).compute
            seconds = timed(partial(compute, out))
            results = dict.fromkeys(self._names, out)
            assemble(store, results, {"settings": faces.recorded(settings)}, _keys(results))
            present = self._open_faces().array(self._names[0], "present")
            if present.any():
                break
        else:
            raise InputError(f"no face is in {', '.join(i.item for i in candidates)}", "none")
        count = max(1, len(present))
        jobs = self._params.execution.processes
        self.measures.faces = Rate(seconds / count, size_of(out) / count, jobs)
        return piece

    def _open_faces(self) -> Store:
        return open_faces(self._folder / FACES)

    def _stream(self, name: str, piece: CorpusItem) -> None:
        """Describe the piece, after once by which the extractor is loaded."""
        settings, execution = self._params.streams[name], self._params.execution
        store = self._folder / STREAMS / f"{name}.zarr"
        if EXTRACTORS[settings.extractor].source in ("streams", "faces"):  # no rows of its own
            assemble(store, {}, attributes_without_rows(name, self._params.streams))
            return
        device = device_of(settings, execution)
        if isinstance(settings, GivenSettings):
            units, compute = piece.seconds, self._given(name, settings, piece)
        elif settings.modality == "audio":
            units, compute = piece.seconds, sound_job(piece, settings, device).compute
        else:
            settings = settled(settings, device, execution) if is_of_crops(settings) else settings
            crops = replace(piece, item=self._names[0])
            compute = faces_job(crops, settings, self._open_faces(), device).compute
            units = float(self._open_faces().array(crops.item, "present").sum())
            if not units:
                raise InputError("no face was found to describe", "none")
        jobs = execution.processes
        if device == "cuda":
            jobs = max(1, execution.gpus * execution.gpu_jobs)
        out = self._folder / f"stream-{name}"
        loaded(settings, device)
        seconds = timed(partial(compute, out), device)
        results = dict.fromkeys(self._names, out)
        assemble(store, results, {"settings": settings.of_rows()}, _keys(results))
        self.measures.streams[name] = Rate(seconds / units, size_of(out) / units, jobs)

    def _given(
        self, name: str, settings: GivenSettings, piece: CorpusItem
    ) -> Callable[[Path], None]:
        features = self._corpus.features
        if features is None:
            raise InputError("the corpus gives no features", "choose another extractor")
        given = GivenSource(features, piece.item, settings.of or name, piece.seconds)
        return partial(describe_given, settings, given)

    # -------------------------------------------------------------- windows and models

    def _of_models(self, piece: CorpusItem) -> None:
        """Measure what reads the streams, on a corpus of copies of the piece."""
        params = self._measured_params()
        with chdir(self._folder):
            with self._noted("windows"):
                self._windows(piece, params)
            if self.measures.windows is None:
                return
            for name in self._distinct(params):
                with self._noted(f"train@{name} and evaluate@{name}"):
                    self.measures.models[name] = model_rate(params, name)
            self._like_others()

    def _windows(self, piece: CorpusItem, params: Params) -> None:
        items = [
            replace(piece, item=f"{split}-{i}", speaker=f"{split}-{i}", split=split, labelled=True)
            for split, count in COPIES.items()
            for i in range(count)
        ]
        pd.DataFrame([asdict(item) for item in items]).to_parquet(fresh(ITEMS), index=False)
        frames = max(1, round(piece.frames))
        labels = pd.concat([self._labels(i, item.item, frames) for i, item in enumerate(items)])
        labels.to_parquet(fresh(LABELS), index=False)
        write_facts(self._corpus, streams_given(params.streams), is_synthetic=True)
        seconds = timed(partial(windows_of, params, lambda _: None))
        units = frames * len(items)
        self.measures.windows = Rate(seconds / units, size_of(WINDOWS) / units, 1)

    def _labels(self, number: int, item: str, frames: int) -> pd.DataFrame:
        """Labels of no meaning: what is measured hangs on their number alone."""
        task = self._corpus.task
        random = np.random.default_rng(number)
        count = frames if task.level == "frame" else 1
        values = random.uniform(task.low, task.high, (count, len(task.outputs)))
        if task.kind == "classification":
            classes = (number + np.arange(count)) % len(task.outputs)
            values = np.eye(len(task.outputs))[classes]
        return pd.DataFrame(values, columns=list(task.outputs)).assign(item=item, **{TIME: np.nan})

    def _measured_params(self) -> Params:
        """The settings of the streams that were measured, and of the models that see these."""
        made = {name for name in self._params.streams if self._is_made(name)}
        models = {n: m for n, m in self._params.models.items() if set(m.sees) <= made}
        for name in self._params.models.keys() - models:
            lacking = ", ".join(sorted(set(self._params.models[name].sees) - made))
            self.measures.notes.append(f"models.{name} is not estimated: it sees {lacking}")
        streams = {name: s for name, s in self._params.streams.items() if name in made}
        return self._params.model_copy(update={"streams": streams, "models": models})

    def _is_made(self, name: str) -> bool:
        parts = (name, *parts_of(name, self._params.streams))
        return all((self._folder / STREAMS / f"{part}.zarr").exists() for part in parts)

    def _kind(self, name: str) -> str:
        """What the time of a model hangs on: ablations cost next to nothing."""
        model, resolved = self._params.model(name), self._params.resolved(name)
        train = resolved.train.model_dump(exclude={"epochs", "seeds", "patience"})
        return f"{model.network} {model.sees} {resolved.options} {train}"

    def _distinct(self, params: Params) -> Iterator[str]:
        """A model of each kind."""
        kinds: dict[str, str] = {}
        for name in params.models:
            if kinds.setdefault(self._kind(name), name) == name:
                yield name

    def _like_others(self) -> None:
        """Take models of one kind for equal, in the order of the settings."""
        by_kind = {self._kind(name): rate for name, rate in self.measures.models.items()}
        self.measures.models = {
            name: by_kind[self._kind(name)]
            for name in self._params.models
            if self._kind(name) in by_kind
        }


# ------------------------------------------------------------------ helpers


def _by_length(table: pd.DataFrame) -> Iterator[CorpusItem]:
    """Items with picture and sound before others, those of a middling length first."""
    complete = table["has_video"].astype(int) + table["has_audio"].astype(int)
    off = (table["seconds"] - table["seconds"].median()).abs()
    order = pd.DataFrame({"complete": -complete, "off": off}).sort_values(["complete", "off"]).index
    names = [field.name for field in fields(CorpusItem)]
    for row in table.loc[order, names].to_numpy():
        yield CorpusItem(*row)


def _keys(results: Mapping[str, Path]) -> dict[str, str]:
    return {name: name for name in results}
