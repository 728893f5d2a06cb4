"""Sizes of networks, and the options that single architectures have."""

from typing import Literal

from pydantic import Field, model_validator

from models.settings.base import Settings


class NetworkSize(Settings):
    """Sizes of a network; the defaults are those of Parthasarathy and Sundaram 2020.

    Attributes:
        dim: model dimension; hidden units of a recurrent network.
        heads: attention heads.
        ffn: hidden units of the feed-forward blocks.
        layers: layers of an encoder.
        dropout: of residual branches.
    """

    dim: int = Field(default=512, gt=0)
    heads: int = Field(default=4, gt=0)
    ffn: int = Field(default=512, gt=0)
    layers: int = Field(default=2, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> "NetworkSize":
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self


class Options(Settings):
    """What can be chosen of an architecture beside its size; nothing unless a subclass says."""


class CrossmodalOptions(Options):
    """Options of the crossmodal transformer that are Lacuna's own.

    Attributes:
        auxiliary: weight of each single modality's loss beside that of the fused output; 0 for no
            auxiliary heads.
        alone: what speaks for a clip of which one modality is gone: the `fused` output, or the
            `auxiliary` head of the modality that is left.
    """

    auxiliary: float = Field(default=0.0, ge=0)
    alone: Literal["fused", "auxiliary"] = "fused"

    @model_validator(mode="after")
    def _there_is_a_head(self) -> "CrossmodalOptions":
        if self.alone == "auxiliary" and not self.auxiliary:
            raise ValueError("alone is auxiliary, but auxiliary is 0: there is no such head")
        return self


class AffWildNetOptions(Options):
    """Options of AffWildNet."""


class AuxFormerOptions(Options):
    """Options of AuxFormer."""


class MulTOptions(Options):
    """Options of MulT."""


class FusionOptions(Options):
    """Options of the fusions on convolutional branches."""


OPTIONS: dict[str, type[Options]] = {
    "crossmodal": CrossmodalOptions,
    "unimodal": Options,
    "recurrent": Options,
    "affwildnet": AffWildNetOptions,
    "auxformer": AuxFormerOptions,
    "mult": MulTOptions,
    "fusion": FusionOptions,
}
"""The options of each network."""
