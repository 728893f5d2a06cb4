"""The schema of a study's file: that of params.yaml, over which splits its models go, and more."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from features.settings import Settings
from pipeline.params import Params
from reports.papers.registry import PAPERS


def _check_setting(name: str) -> str:
    """Refuse a setting that splits no corpus."""
    if not name.startswith("corpus."):
        raise ValueError("must be a setting of the corpus, such as corpus.split.seed")
    return name


class SplitsSettings(Settings):
    """Over which splits of the speakers all models go.

    Attributes:
        setting: the one that each split changes: `corpus.split.seed`, `corpus.ravdess.fold`.
        values: its values, two or more.
    """

    setting: Annotated[str, AfterValidator(_check_setting)] = "corpus.split.seed"
    values: list[int] = Field(min_length=2)

    @model_validator(mode="after")
    def _each_value_once(self) -> "SplitsSettings":
        if len(set(self.values)) < len(self.values):
            raise ValueError("splits.values has a value twice")
        return self

    @property
    def changes(self) -> dict[int, dict[str, Any]]:
        """What each split changes in the settings."""
        return {value: {self.setting: value} for value in self.values}


class StudySettings(Params):
    """A study: all that params.yaml has, and more.

    Attributes:
        splits: of the speakers, the same for all models; null for the corpus's one.
        paper: a row of PAPERS, whose tables and figures come first on the study's page.
        title: of its corpora, on the page of how far `lacuna` is ahead.
        beside: studies that run before it, and whose corpora stand on that page too.
    """

    splits: SplitsSettings | None = None
    paper: Annotated[str, AfterValidator(PAPERS.checked)] | None = None
    title: str = ""
    beside: list[str] = Field(default=[])
