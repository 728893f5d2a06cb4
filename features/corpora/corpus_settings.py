"""The section `corpus` of params.yaml: which corpus, where, and a section for each one's settings.

The sections are those that the table of corpora names.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model, model_validator
from typing_extensions import override

from features.corpora.registry import CORPORA, CorpusRow
from features.corpora.settings import SplitSettings
from features.settings import NamedFile, Settings

MADE = "features/corpora/made"
"""`corpus.root` of a corpus that is made on the spot: DVC wants a folder, and one without code."""


AMOUNTS = ("train", "validation", "test", "speakers", "clips", "seconds", "frames")
"""Settings of made corpora that say how much of them there is."""


class _CorpusSettings(Settings):
    """Which corpus, and where.

    Attributes:
        name: a row of CORPORA, or `package.module:read` of your own.
        root: folder of the corpus, as DVC can follow it: no `~`. Of a corpus that is made on the
            spot a folder without code.
        links: where links in the corpus may lead: `inside` it or into DVC's cache, or `follow`
            them anywhere.
        exclude: items left out, each with the reason.
        split: of the speakers, where the corpus has no splits of its own.
        label_delay: seconds by which annotators were late: labels over time are moved so much
            towards the beginning.
        options: settings of a corpus of your own.
    """

    name: Annotated[str, AfterValidator(CORPORA.checked)] = "demo"
    root: str = MADE
    links: Literal["inside", "follow"] = "inside"
    exclude: dict[str, str] = Field(default={})
    split: SplitSettings = SplitSettings()
    label_delay: float = Field(default=0.0, ge=0, le=60)
    options: dict[str, Any] = Field(default={})

    @property
    def row(self) -> CorpusRow:
        """The corpus's row in the table."""
        return CORPORA[self.name]

    @property
    def is_synthetic(self) -> bool:
        """Whether faces and voices are made up."""
        return self.row.synthetic

    @property
    def title(self) -> str:
        """What tells it apart from other corpora, in a few words.

        Of one that is read, the name of its folder; of one that is made, which settings of its
        section are not the default ones, but for those that say how much of it there is.

        >>> CorpusSettings(name="folder", root="/data/calls").title
        'folder calls'
        >>> CorpusSettings(name="simulated", simulated={"seed": 1}).title
        'simulated (seed 1)'
        """
        if not self.is_synthetic:
            return f"{self.name} {PurePath(self.root).name}".rstrip()
        section = self.section
        shown = section.model_dump(exclude_defaults=True) if isinstance(section, Settings) else {}
        changed = ", ".join(f"{key} {value}" for key, value in shown.items() if key not in AMOUNTS)
        return f"{self.name} ({changed})" if changed else self.name

    @property
    def section(self) -> Settings | Mapping[str, Any]:
        """The settings of the chosen corpus; `options` of one of the user's own."""
        if ":" in self.name:
            return self.options
        section: Settings = getattr(self, self.name, Settings())
        return section

    @override
    def files(self) -> tuple[NamedFile, ...]:
        return () if self.is_synthetic else (NamedFile("root", self.root),)

    @model_validator(mode="after")
    def _root_fits(self) -> "_CorpusSettings":
        if self.root.startswith("~"):
            raise ValueError(f"root is {self.root}, and DVC knows no ~: write the whole path")
        is_made = self.root.endswith(MADE)
        if self.is_synthetic and not is_made and self.root.startswith("features/"):
            # Every edit of that code would make the corpus again.
            raise ValueError(f"root is {self.root}; {self.name} is made on the spot: write {MADE}")
        if is_made and self.name in CORPORA and not self.is_synthetic:
            raise ValueError(f"root must name the folder of {self.name}")
        return self

    @model_validator(mode="after")
    def _options_are_of_one_s_own(self) -> "_CorpusSettings":
        if self.options and ":" not in self.name:
            raise ValueError(
                f"options are for a corpus of your own (package.module:read), not for {self.name}"
            )
        return self


if TYPE_CHECKING:

    class CorpusSettings(_CorpusSettings):
        """`_CorpusSettings` with a section for every row of CORPORA that has settings."""

else:
    CorpusSettings = create_model(
        "CorpusSettings",
        __base__=_CorpusSettings,
        __doc__=_CorpusSettings.__doc__,
        __module__=__name__,
        **{
            name: (row.settings_class(), Field(default=row.settings_class()(), title=row.title))
            for name, row in CORPORA.items()
            if row.settings
        },
    )
