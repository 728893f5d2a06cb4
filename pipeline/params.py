"""The schema of params.yaml, and the command that checks and completes that file.

Every stage checks the whole file before it does any work: an unknown key, a wrong type or an
impossible value is reported in one sentence that names the key and its line.
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from features.corpora.corpus_settings import CorpusSettings
from features.errors import InputError, did_you_mean
from features.extractors.joined import parts_of
from features.extractors.registry import EXTRACTORS, AnyStream
from features.extractors.settings import OpenSMILESettings, StreamSettings, VGGFaceSettings
from features.settings import (
    MODALITIES,
    FaceSettings,
    Modality,
    Settings,
    WindowSettings,
    error_details,
)
from models.networks.registry import NETWORKS, PICTURE_STEP
from models.recogniser import WEIGHTS, count_parameters
from models.settings import EvaluateSettings, ModelSettings, TrainSettings
from models.settings.resolved import Resolved, resolve
from pipeline.engine.completion import complete
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.messages import sentences
from pipeline.engine.named_files import check_files
from pipeline.engine.yaml_file import YamlFile, read_yaml

FILE = Path("params.yaml")

MANY_PARAMETERS = 2_000_000
"""From here on more than one thread pays."""

MOVED: Mapping[str, str] = {
    "fc6": "describe it under streams, as fc6: {modality: video, extractor: vggface, ...}",
    "lld": "describe it under streams, as lld: {modality: audio, extractor: opensmile, ...}",
    "faces.model": "write it under faces.models, as ssd or yunet: {path: ..., sha256: ...}",
    "faces.config": "write it under faces.models, as ssd_config: {path: ..., sha256: ...}",
    "windows.context_seconds": "write it under streams, as context_seconds of the sound stream",
    "windows.context": "write it under streams, as context of the sound stream",
    "models.*.modalities": "write sees, a list of names of streams, such as [lld, fc6]",
}
"""Keys of the past, and what to write in their place."""


def _check_name(name: str) -> str:
    """Refuse a name that DVC, a command line or a file system would stumble over."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}", name):
        raise ValueError("must be at most 100 letters, digits, - and _, without a - in front")
    if re.fullmatch(r"[0-9_]+", name) or name.lower() in ("nan", "inf", "infinity"):
        raise ValueError("must not be a number: put a letter before it")
    return name


Name = Annotated[str, AfterValidator(_check_name)]
"""The name of a model or a stream: part of a stage's name, of commands and of files."""


class Params(Settings):
    """All of params.yaml.

    Attributes:
        corpus: which corpus, and where.
        faces: how faces are found and cropped.
        streams: what describes pictures and sound, by name.
        windows: how long a clip is, and what is shown where no picture comes.
        train: how models are trained, unless they or their presets say otherwise.
        models: what is compared, by name.
        evaluate: under which conditions.
        execution: how work is run.
    """

    corpus: CorpusSettings = CorpusSettings()
    faces: FaceSettings = FaceSettings()
    streams: dict[Name, AnyStream] = Field(
        default={"fc6": VGGFaceSettings(), "lld": OpenSMILESettings()}, min_length=1
    )
    windows: WindowSettings = WindowSettings()
    train: TrainSettings = TrainSettings()
    models: dict[Name, ModelSettings] = Field(min_length=1)
    evaluate: EvaluateSettings = EvaluateSettings()
    execution: ExecutionSettings = ExecutionSettings()

    @model_validator(mode="after")
    def _streams_join(self) -> "Params":
        for name in self.streams:
            try:
                parts_of(name, self.streams)
            except InputError as error:
                raise ValueError(error.reason) from error
        return self

    @model_validator(mode="after")
    def _crops_are_whole(self) -> "Params":
        for name, stream in self.streams.items():
            source = EXTRACTORS[stream.extractor].source
            if source == "faces" and self.faces.jpeg is not None:
                raise ValueError(
                    f"streams.{name} takes the crops as they are, and faces.jpeg codes them: "
                    "set faces.jpeg to null"
                )
        return self

    @model_validator(mode="after")
    def _networks_of_pictures_see_crops(self) -> "Params":
        for name, model in self.models.items():
            if model.saved is None and NETWORKS[model.network].pictures:
                self._check_pictures(name, model)
        return self

    @model_validator(mode="after")
    def _models_resolve(self) -> "Params":
        wrong = []
        for name, model in self.models.items():
            try:
                resolve(model, self.train, tuple(self._seen(model)))
            except ValidationError as error:
                wrong += error_details(error, "models", name)
            except ValueError as error:
                wrong.append(
                    InitErrorDetails(
                        type="value_error", loc=("models", name), input=model, ctx={"error": error}
                    )
                )
        if wrong:
            raise ValidationError.from_exception_data("Params", wrong)
        return self

    @model_validator(mode="after")
    def _references_are_models(self) -> "Params":
        reference = self.evaluate.reference
        rivals = reference if isinstance(reference, dict) else {}
        for model in rivals:
            if model in rivals[model]:
                raise ValueError(f"evaluate.reference tests {model} against itself")
        named: list[tuple[tuple[str, ...], str]] = [
            ((model,), name) for model in rivals for name in (model, *rivals[model])
        ]
        if isinstance(reference, str):
            named = [((), reference)]
        wrong = [(place, name) for place, name in named if name not in self.models]
        if wrong:
            must = PydanticCustomError(
                "model", "must be one of the models {names}", {"names": ", ".join(self.models)}
            )
            details = [
                InitErrorDetails(type=must, loc=("evaluate", "reference", *place), input=name)
                for place, name in wrong
            ]
            raise ValidationError.from_exception_data("Params", details)
        return self

    def _check_pictures(self, name: str, model: ModelSettings) -> None:
        """Refuse what a network of pictures cannot see.

        Raises:
            ValueError: names the model.
        """
        video = self._seen(model).get("video")
        if video is None:
            if model.weights is not None:
                raise ValueError(f"models.{name}.weights is set, and it sees no picture")
            return
        if EXTRACTORS[self.streams[video].extractor].source != "faces":
            raise ValueError(
                f"models.{name} has network {model.network}, which sees pictures, and streams."
                f"{video} is not of extractor: crops"
            )
        if self.faces.size % PICTURE_STEP:
            raise ValueError(
                f"models.{name} has network {model.network}, which takes pictures whose side is a "
                f"multiple of {PICTURE_STEP}, and faces.size is {self.faces.size}"
            )

    def resolved(self, name: str) -> Resolved:
        """A model's settings with those of its preset and of `train` filled in.

        Raises:
            InputError: params.yaml has no such model.
        """
        model = self.model(name)
        return resolve(model, self.train, tuple(self._seen(model)))

    def seen(self, name: str) -> dict[Modality, str]:
        """Names of the streams that a model sees, by their modality, sound first.

        Raises:
            InputError: params.yaml has no such model.
        """
        return self._seen(self.model(name))

    def parts(self, name: str) -> dict[Modality, list[StreamSettings]]:
        """Settings of the streams that hold the rows which a model sees, by modality."""
        return {
            modality: [self.streams[part] for part in parts_of(stream, self.streams)]
            for modality, stream in self.seen(name).items()
        }

    def _seen(self, model: ModelSettings) -> dict[Modality, str]:
        """Names of streams by modality.

        Raises:
            ValueError: it sees a stream that is not there, or two of one modality.
        """
        streams: dict[Modality, str] = {}
        for name in model.sees:
            if name not in self.streams:
                question = did_you_mean(name, self.streams)
                known = ", ".join(self.streams) + (f": {question}" if question else "")
                raise ValueError(f"sees has {name}, which is not one of the streams {known}")
            modality = self.streams[name].modality
            if modality in streams:
                raise ValueError(
                    f"sees has {streams[modality]} and {name}, both of {modality}: a model sees "
                    "one stream of a modality, which can join others"
                )
            streams[modality] = name
        return {modality: streams[modality] for modality in MODALITIES if modality in streams}

    def model(self, name: str) -> ModelSettings:
        """The settings of one model.

        Raises:
            InputError: params.yaml has no such model.
        """
        if name not in self.models:
            known = ", ".join(self.models)
            raise InputError(f"params.yaml has no model named {name}", f"it has {known}")
        return self.models[name]


AnyParams = TypeVar("AnyParams", bound=Params)


def main(arguments: Sequence[str] | None = None) -> None:
    """Check params.yaml, and complete it on request."""
    from features.corpora.listing import MODELS
    from pipeline.engine.console import say
    from pipeline.engine.jobs import stage_errors

    options = parser().parse_args(arguments)
    with stage_errors(goes_on=False):
        file, params = _checked(FILE)
        if options.write and complete(file, params, entries_of=["streams"]):
            say(f"{FILE} now has every key")
        for advice in advice_on(params, MODELS):
            say(advice)
        say(f"{FILE} is in order")


def advice_on(params: Params, trained: Path) -> Iterator[str]:
    """What works, and would be better otherwise, a sentence each.

    Args:
        params: all of the file.
        trained: folder of models that were trained before, whose sizes are known.
    """
    for name, stream in params.streams.items():
        side = stream.picture_side
        if side is not None and side > params.faces.size:
            yield (
                f"streams.{name} enlarges the crops of {params.faces.size} pixels to {side}: "
                f"faces.size: {side} would show it more"
            )
    for name in params.models if params.train.threads == 1 else ():
        weights = next(iter(sorted((trained / name).glob(f"seed-*/{WEIGHTS}"))), None)
        count = 0 if weights is None else count_parameters(weights)
        if count > MANY_PARAMETERS and params.resolved(name).train.threads == 1:
            yield (
                f"models.{name} has {count / 1e6:.1f} million parameters: more train.threads than "
                "1 train it faster, with other last digits"
            )


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.params",
        description="Check params.yaml, and the files that it names.",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="add every key that is missing, with its default, in the form in which DVC writes "
        "the file; a file that has all of them stays as it is",
    )
    return parser


def load_params(path: Path = FILE) -> Params:
    """Read and check params.yaml.

    Raises:
        InputError: the file is missing, no YAML, or says something impossible; names the key.
    """
    return read_settings(path, Params)[1]


def check_params(path: Path = FILE) -> Params:
    """Read and check params.yaml, and look for the files and folders that it names.

    Raises:
        InputError: as `load_params`; or a file is missing, or has another content.
    """
    return _checked(path)[1]


def _checked(path: Path) -> tuple[YamlFile, Params]:
    """The file as it was read, and what it comes to, with what it names there."""
    file, params = read_settings(path, Params)
    check_files(params, file)
    return file, params


def read_settings(path: Path, schema: type[AnyParams]) -> tuple[YamlFile, AnyParams]:
    """A file as it was read, and what it comes to.

    Args:
        path: of the file.
        schema: of params.yaml, or one with more sections.

    Raises:
        InputError: as `load_params`.
    """
    file = read_yaml(path)
    try:
        return file, schema.model_validate(file.content)
    except ValidationError as error:
        raise InputError(
            "; ".join(sentences(error, file, MOVED)), f"correct {path.name}"
        ) from error


if __name__ == "__main__":
    main()
