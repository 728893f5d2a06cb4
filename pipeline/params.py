"""The schema of params.yaml, and the only reader of that file.

Every stage checks the whole file before it does any work: an unknown key, a wrong type or an
impossible value is reported in one sentence that names the key.
"""

import reprlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.error import MarkedYAMLError

from features.corpora.corpus_settings import CorpusSettings
from features.errors import InputError
from features.settings import FaceSettings, FC6Settings, LLDSettings, Settings, WindowSettings
from models.settings import EvaluateSettings, ModelSettings, TrainSettings
from models.settings.resolved import Resolved, resolve
from pipeline.engine.execution import ExecutionSettings

FILE = Path("params.yaml")

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class Params(Settings):
    """All of params.yaml.

    Attributes:
        corpus: which corpus, and where.
        faces: how faces are found and cropped.
        fc6: how crops are described.
        lld: how sound is described.
        windows: how much sound a frame is given, and how long a clip is.
        train: how models are trained, unless they or their presets say otherwise.
        models: what is compared, by name.
        evaluate: under which conditions.
        execution: how work is run.
    """

    corpus: CorpusSettings = CorpusSettings()
    faces: FaceSettings = FaceSettings()
    fc6: FC6Settings = FC6Settings()
    lld: LLDSettings = LLDSettings()
    windows: WindowSettings = WindowSettings()
    train: TrainSettings = TrainSettings()
    models: dict[Name, ModelSettings] = Field(min_length=1)
    evaluate: EvaluateSettings = EvaluateSettings()
    execution: ExecutionSettings = ExecutionSettings()

    @model_validator(mode="after")
    def _models_resolve(self) -> "Params":
        wrong = []
        for name, model in self.models.items():
            try:
                resolve(model, self.train)
            except ValidationError as error:
                wrong += [_sentence(detail, "models", name) for detail in error.errors()]
            except ValueError as error:
                wrong.append(f"models.{name}: {error}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def _reference_is_a_model(self) -> "Params":
        reference = self.evaluate.reference
        if reference is not None and reference not in self.models:
            raise ValueError(
                f"evaluate.reference is {reference}, which is none of the models: "
                f"{', '.join(self.models)}"
            )
        return self

    def resolved(self, name: str) -> Resolved:
        """What a model's settings come to, those of its preset and of `train` included.

        Raises:
            InputError: params.yaml has no such model.
        """
        return resolve(self.model(name), self.train)

    def model(self, name: str) -> ModelSettings:
        """The settings of one model.

        Raises:
            InputError: params.yaml has no such model.
        """
        if name not in self.models:
            known = ", ".join(self.models)
            raise InputError(f"params.yaml has no model named {name}", f"it has {known}")
        return self.models[name]


def main() -> None:
    """Check params.yaml."""
    from pipeline.engine.console import say
    from pipeline.engine.jobs import stage_errors

    with stage_errors(goes_on=False):
        load_params()
        say(f"{FILE} is in order")


def load_params(path: Path = FILE) -> Params:
    """Read and check params.yaml.

    Raises:
        InputError: the file is missing, no YAML, or says something impossible; names the key.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path)
    except FileNotFoundError as error:
        raise InputError(f"there is no {path} here", "run from the top of the project") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "mend the file") from error
    except YAMLError as error:
        raise InputError(
            f"{path} is not valid YAML ({_problem(error)})", "mend the file"
        ) from error
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        reasons = "; ".join(_sentence(detail) for detail in error.errors())
        raise InputError(f"{path}: {reasons}", "mend the value") from error


def _problem(error: YAMLError) -> str:
    """What is wrong with the YAML, on one line."""
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def _sentence(detail: Any, *within: str) -> str:
    """One validation error as `key: what is wrong`, the key beginning with `within`."""
    # In brackets stands what is no key of the file.
    parts = [*within, *(str(part) for part in detail["loc"] if not str(part).startswith("["))]
    key = ".".join(parts) or "the file"
    given = "empty" if detail["input"] is None else reprlib.repr(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            return f"{key} is not a known key"
        case "missing":
            return f"{key} is missing"
        case "value_error":
            error = detail["ctx"]["error"]
            return f"{key}: {error}" if parts else str(error)  # of the file: names keys itself
        case "model_type":
            return f"{key} should be keys with values, not {given}"
        case "too_short":
            return f"{key} should name at least one"
        case _:
            message = detail["msg"].removeprefix("Input ").removeprefix("String ")
            return f"{key} {message}, not {given}"


if __name__ == "__main__":
    main()
