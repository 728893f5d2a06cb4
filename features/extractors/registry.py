"""The table of extractors: what describes pictures or sound with rows of numbers.

An extractor of your own is given as `extractor: package.module:Class`; `features.extractors.own`
says what it looks like.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import AfterValidator, Discriminator, Tag

from features.extractors.settings import OwnSettings, StreamSettings
from features.licences import OURS, USERS, Licence
from features.settings import MODALITIES, Modality
from features.tables import Row, Table


@dataclass(frozen=True, kw_only=True)
class Extractor(Row):
    """A row.

    Attributes:
        settings: the class of what a user can set, `package.module:Class`, in a module that loads
            no heavy library, and of this package no other at its top than `described` and
            `settings`; its defaults are the extractor's.
        modalities: that it can describe.
        licence: of the code and weights that it runs.
        runs: on what: `torch` and `onnx` on the device that there is, all else on the processor.
        source: what it describes: an item's media file or crops, features that the corpus gives,
            or other streams; `faces` where the crops are the rows.
    """

    settings: str
    modalities: tuple[Modality, ...]
    licence: Licence = field(metadata={"words": True})
    runs: Literal["processor", "torch", "onnx"] = "processor"
    source: Literal["media", "faces", "features", "streams"] = "media"

    def settings_class(self) -> type[StreamSettings]:
        """The class of what a user can set."""
        loaded: type[StreamSettings] = Row(code=self.settings).load()
        return loaded


def _of_user(code: str) -> Extractor:
    return Extractor(
        code=code,
        settings="features.extractors.settings:OwnSettings",
        modalities=MODALITIES,
        licence=USERS,
        runs="torch",
    )


EXTRACTORS: Table[Extractor] = Table(
    "extractor",
    {
        "vggface": Extractor(
            code="features.extractors.vggface.extractor:VGGFace",
            title="VGG-Face fc6 (Parkhi et al. 2015) of face crops",
            settings="features.extractors.settings:VGGFaceSettings",
            modalities=("video",),
            runs="torch",
            licence=Licence(
                "CC BY-NC 4.0 on the published weights: research alone", commercial=False
            ),
        ),
        "expression": Extractor(
            code="features.extractors.expression.extractor:Expression",
            title="an expression network (Arriaga et al. 2017) before its head",
            settings="features.extractors.settings:ExpressionSettings",
            modalities=("video",),
            licence=Licence("MIT (fer, © 2018 Justin Shenk)", commercial=True),
            runs="torch",
        ),
        "crops": Extractor(
            code="features.extractors.crops:open_faces",
            title="the face crops themselves",
            settings="features.extractors.settings:CropsSettings",
            modalities=("video",),
            licence=OURS,
            source="faces",
        ),
        "opensmile": Extractor(
            code="features.extractors.opensmile.extractor:OpenSMILE",
            title="low-level descriptors by openSMILE (Eyben et al. 2013)",
            settings="features.extractors.settings:OpenSMILESettings",
            modalities=("audio",),
            licence=Licence("openSMILE's: private, research and educational use", commercial=False),
        ),
        "logmel": Extractor(
            code="features.extractors.mel:LogMel",
            title="64 log mel bands",
            settings="features.extractors.settings:LogMelSettings",
            modalities=("audio",),
            licence=OURS,
        ),
        "mfcc": Extractor(
            code="features.extractors.mel:MFCC",
            title="10 cepstral coefficients of log mel bands",
            settings="features.extractors.settings:MFCCSettings",
            modalities=("audio",),
            licence=OURS,
        ),
        "onnx": Extractor(
            code="features.extractors.onnx.extractor:Onnx",
            title="a network in an ONNX file",
            settings="features.extractors.onnx.settings:OnnxSettings",
            modalities=MODALITIES,
            licence=USERS,
            runs="onnx",
        ),
        "given": Extractor(
            code="features.extractors.given:Given",
            title="features that the corpus brings along",
            settings="features.extractors.settings:GivenSettings",
            modalities=MODALITIES,
            licence=USERS,
            source="features",
        ),
        "joined": Extractor(
            code="features.extractors.joined:parts_of",
            title="other streams of the modality, side by side",
            settings="features.extractors.settings:JoinedSettings",
            modalities=MODALITIES,
            licence=OURS,
            source="streams",
        ),
    },
    of_user=_of_user,
)


class Unknown(StreamSettings, extra="ignore"):
    """A stream whose extractor is not a row: only says so."""

    extractor: Annotated[str, AfterValidator(EXTRACTORS.checked)]


# Names in brackets are not keys of params.yaml, and are left out of messages.
_OWN, _UNKNOWN = "[own]", "[unknown]"


def _tag(value: Any) -> str:
    """Which settings a stream has, by the name of its extractor."""
    name = value.get("extractor") if isinstance(value, dict) else getattr(value, "extractor", None)
    if name in tuple(EXTRACTORS):
        return f"[{name}]"
    try:
        EXTRACTORS.checked(str(name))
    except ValueError:
        return _UNKNOWN
    return _OWN


if TYPE_CHECKING:
    AnyStream = StreamSettings
else:
    _classes = {f"[{name}]": row.settings_class() for name, row in EXTRACTORS.items()}
    _classes |= {_OWN: OwnSettings, _UNKNOWN: Unknown}
    AnyStream = Annotated[
        Union[tuple(Annotated[kind, Tag(tag)] for tag, kind in _classes.items())],  # noqa: UP007
        Discriminator(_tag),
    ]
    """Settings of a stream, of the class that its extractor's row names."""
