"""Stage keys: writes what every other stage depends on beside its inputs, a small file a stage.

A file has a line a module of the stage's code, a library, a row of a table and a section of
settings, with defaults and presets resolved. DVC then runs a stage when its code changes, and
not for a comment; a diff of two files says why. It runs before all others, so what is wrong in
params.yaml, unusable names included, is reported before any command runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.corpora.registry import CORPORA
from features.extractors.given import shows_media, streams_given
from features.extractors.registry import EXTRACTORS
from features.hashes import hash_of, hash_of_file
from features.tables import table_of, tables
from models.evaluation.conditions import all_conditions
from models.evaluation.registry import METRICS, primary_metrics
from models.training.rows import training_rows
from models.transfer import files_of
from pipeline.engine.console import name_stage
from pipeline.engine.jobs import stage_errors
from pipeline.engine.keyfiles import check_file, write_all
from pipeline.engine.keys import Rows, code_of_job, fields_of
from pipeline.params import Params, check_params

FOLDER = Path("data/keys")


@dataclass(frozen=True)
class Stage:
    """What a stage depends on beside its inputs.

    Attributes:
        command: its module.
        settings: values by section.
        rows: of tables.
        words: whether it writes for people: then all rows count, with their words.
    """

    command: str
    settings: Mapping[str, Any]
    rows: Rows = ()
    words: bool = False

    def lines(self) -> Iterator[str]:
        """The lines of its key file."""
        yield from code_of_job(self.command, self.rows).lines()
        for kind, name in self.rows:
            yield f"row {kind} {name} {hash_of(fields_of(table_of(kind)[name]))}"
        for table in tables() if self.words else ():
            for name, row in table.items():
                yield f"words {table.kind} {name} {hash_of(fields_of(row, words=True))}"
        for section, values in self.settings.items():
            yield f"settings {section} {hash_of(values)}"


def main() -> None:
    """Run the stage."""
    with stage_errors():
        stages = stages_of(check_params())
        write_all(FOLDER, {name: stage.lines() for name, stage in stages.items()})


def check(params: Params, stage: str, name: str = "") -> None:
    """Make sure that a stage, which calls this as it begins, runs the code of its key file.

    Displays then say which stage of how many it is.

    Args:
        params: its settings.
        stage: its name: `train`.
        name: of its model or stream.

    Raises:
        InputError: the code is another one.
    """
    place = f"{stage}/{name}" if name else stage
    stages = stages_of(params)
    key = stages[place]
    number = list(stages).index(place) + 2  # this one is the first
    name_stage(f"stage {number} of {len(stages) + 1}")
    check_file(FOLDER / place, code_of_job(key.command, key.rows))


def stages_of(params: Params) -> dict[str, Stage]:
    """All stages, by the names of their key files."""
    corpus = [("corpus", params.corpus.name)]
    sees = {name: model.sees for name, model in params.models.items()}
    sought = _values(params, "faces") | {"sought": shows_media(params.streams)}
    shown = _values(params, "faces", "streams", "train", "models", "evaluate")
    return {
        "corpus": Stage(
            "pipeline.corpus",
            {"corpus": _corpus(params), "given": streams_given(params.streams)},
            corpus,
        ),
        "faces": Stage("pipeline.faces", sought),
        **{f"extract/{name}": _extraction(params, name) for name in params.streams},
        "windows": Stage(
            "pipeline.windows", _values(params, "streams", "windows") | {"sees": sees}
        ),
        **{f"train/{name}": _training(params, name) for name in params.models},
        **{f"evaluate/{name}": _evaluation(params, name) for name in params.models},
        "summarise": Stage(
            "pipeline.summarise", shown | {"corpus": params.corpus.name}, words=True
        ),
    }


def _corpus(params: Params) -> dict[str, Any]:
    """The settings of the chosen corpus, without the sections of others."""
    others = CORPORA.keys() - {params.corpus.name}
    return params.corpus.model_dump(mode="json", exclude=others)


def _extraction(params: Params, name: str) -> Stage:
    stream = params.streams[name]
    rows = [("extractor", stream.extractor)]
    if EXTRACTORS[stream.extractor].source == "features":
        rows.append(("corpus", params.corpus.name))
    return Stage("pipeline.extract", {"stream": stream.model_dump()}, rows)


def _training(params: Params, name: str) -> Stage:
    model, resolved = params.models[name], params.resolved(name)
    settings: dict[str, Any] = {
        "model": model.model_dump(),
        "train": resolved.train.model_dump(),
        "size": resolved.size.model_dump(),
        "options": resolved.options.model_dump(),
    }
    saved = model.saved or model.init
    if saved is not None:
        settings["saved"] = [hash_of_file(file) for file in files_of(saved)]
    rows = [*training_rows(model, resolved.train), *_metrics(primary_metrics())]
    return Stage("pipeline.train", settings, rows)


def _evaluation(params: Params, name: str) -> Stage:
    rows = [
        ("network", params.models[name].network),
        *sorted({("strategy", c.strategy) for c in all_conditions(params.evaluate)}),
        *_metrics(METRICS),
    ]
    settings = _values(params, "evaluate") | {"seeds": params.train.seeds}
    return Stage("pipeline.evaluate", settings, rows)


def _metrics(names: Iterable[str]) -> list[tuple[str, str]]:
    """Rows of the metrics of all tasks: which one there is is known once the corpus is read."""
    return [(METRICS.kind, name) for name in names]


def _values(params: Params, *sections: str) -> dict[str, Any]:
    """Sections of params.yaml with all defaults."""
    dump = params.model_dump(mode="json")
    return {section: dump[section] for section in sections}


if __name__ == "__main__":
    main()
