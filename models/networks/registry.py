"""NETWORKS: the architectures, a row and a module each; loads no torch.

A network of your own is a torch module, named in params.yaml as `package.module:Class`, that needs
to know nothing of missing data (`models.networks.plain`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from features.tables import Row, Table

if TYPE_CHECKING:
    from models.settings.network import Options


@dataclass(frozen=True, kw_only=True)
class Network(Row):
    """A network.

    Attributes:
        code: its class.
        options: the class of its options, `package.module:Class`.
        modalities: how many it can take.
        attends: whether it has attention, whose heads divide its width.
        presence: what it can do about missing frames, as `models.settings.ModelSettings` has it.
        lengths: whether two modalities may have steps of their own (`align: none`), so many of
            sound and so many of picture; of labels per frame they never have.
        plain: whether it is a torch module that knows nothing of missing data.
        pictures: whether its picture stream is face crops, which it describes by a network whose
            published weights a model can begin from.
        shows: what it shows strategies of its inside: `generation`, what it makes of one modality
            from another (its `phases` take how the losses of that are weighed); `joint`, the vector
            it answers from; `attention`, the scores of its last attention between modalities.
    """

    options: str = "models.settings.network:Options"
    modalities: tuple[int, ...] = (1, 2)
    attends: bool = False
    presence: tuple[str, ...] = ("ignored",)
    lengths: bool = False
    plain: bool = False
    pictures: bool = False
    shows: tuple[str, ...] = ()


PICTURE_STEP = 16
"""Sides of the pictures that a network of pictures takes are multiples of it."""

_BY_ATTENTION = ("ignored", "marked", "filled")
"""Whoever attends can leave out what is missing."""


def _of_user(code: str) -> Network:
    """The row of a user's module, which takes what it is given."""
    return Network(
        code=code,
        title=code.partition(":")[2],
        options="models.settings.network:PlainOptions",
        lengths=True,
        plain=True,
    )


NETWORKS = Table(
    "network",
    {
        "crossmodal": Network(
            code="models.networks.crossmodal:Crossmodal",
            title="Crossmodal transformer",
            options="models.settings.network:CrossmodalOptions",
            modalities=(2,),
            attends=True,
            presence=_BY_ATTENTION,
            lengths=True,
            shows=("joint", "attention"),
        ),
        "unimodal": Network(
            code="models.networks.unimodal:Unimodal",
            title="Transformer of one modality",
            modalities=(1,),
            attends=True,
            presence=_BY_ATTENTION,
        ),
        "recurrent": Network(code="models.networks.recurrent:Recurrent", title="GRU layers"),
        "affwildnet": Network(
            code="models.networks.affwildnet:AffWildNet",
            title="AffWildNet",
            options="models.settings.network:AffWildNetOptions",
        ),
        "auxformer": Network(
            code="models.networks.auxformer:AuxFormer",
            title="AuxFormer",
            options="models.settings.network:AuxFormerOptions",
            attends=True,
            presence=_BY_ATTENTION,
            lengths=True,
        ),
        "mult": Network(
            code="models.networks.mult:MulT",
            title="MulT",
            options="models.settings.network:MulTOptions",
            attends=True,
            presence=_BY_ATTENTION,
            lengths=True,
            shows=("joint",),
        ),
        "fusion": Network(
            code="models.networks.fusion:Fusion",
            title="Fusion of convolutional branches",
            options="models.settings.network:FusionOptions",
            attends=True,
            presence=_BY_ATTENTION,
            lengths=True,
        ),
        "picture_fusion": Network(
            code="models.networks.picture_fusion:PictureFusion",
            title="Fusion of convolutional branches, from raw pictures",
            options="models.settings.network:PictureFusionOptions",
            attends=True,
            lengths=True,
            pictures=True,
        ),
        "smoother": Network(
            code="models.networks.smoother:Smoother",
            title="Normalised smoothing with experts",
            options="models.settings.network:SmootherOptions",
            presence=("ignored", "marked"),
            lengths=True,
        ),
        "vavl": Network(
            code="models.networks.vavl:VAVL",
            title="Versatile audio-visual learning",
            options="models.settings.network:VAVLOptions",
            modalities=(2,),
            attends=True,
            presence=("ignored", "marked"),
            lengths=True,
        ),
        "imder": Network(
            code="models.networks.imder:IMDer",
            title="Diffused modalities",
            options="models.settings.network:IMDerOptions",
            modalities=(2,),
            attends=True,
            presence=("ignored", "marked"),
            lengths=True,
            shows=("generation",),
        ),
        "mmin": Network(
            code="models.networks.mmin:MMIN",
            title="Missing modality imagination",
            options="models.settings.network:MMINOptions",
            modalities=(2,),
            lengths=True,
            shows=("generation",),
        ),
    },
    of_user=_of_user,
)


def options_class(network: str) -> "type[Options]":
    """The class of a network's options.

    >>> options_class("unimodal").__name__
    'Options'
    """
    return Row(code=NETWORKS[network].options).load()


def options_of(network: str, options: Mapping[str, Any]) -> "Options":
    """A network's options as settings.

    Raises:
        pydantic.ValidationError: one is unknown or impossible.
    """
    return options_class(network).model_validate(dict(options))
