"""Sizes of networks, and the options that single architectures have."""

from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from typing_extensions import override

from features.settings import MODALITIES, Modality, Settings


class NetworkSize(Settings):
    """Sizes of a network; the defaults are those of Parthasarathy and Sundaram 2020.

    Attributes:
        dim: model dimension; hidden units of a recurrent network.
        heads: attention heads; 1 where there is no attention.
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

    def check_model(self, modalities: Sequence[Modality], presence: str) -> None:
        """Refuse what a model has no use for.

        Args:
            modalities: what it sees.
            presence: what it does about missing frames.

        Raises:
            ValueError: names the option.
        """

    def unused(self, level: str) -> tuple[str, str] | None:  # noqa: ARG002 - of subclasses
        """An option that has no use where a `frame` or a `sequence` has labels, with the reason."""
        return None


class PlainOptions(Options):
    """Options of a network of the user's own, which checks them when it is made."""

    model_config = ConfigDict(extra="allow")


class CrossmodalOptions(Options):
    """Options of the crossmodal transformer that are Lacuna's own.

    Attributes:
        auxiliary: weight of each single modality's loss beside that of the fused output; 0 for no
            auxiliary heads.
        alone: what speaks for a clip of which one modality is known to be gone: the `fused` output,
            the `auxiliary` head of the modality that is left, or their `mean`.
    """

    auxiliary: float = Field(default=0.0, ge=0)
    alone: Literal["fused", "auxiliary", "mean"] = "fused"

    @model_validator(mode="after")
    def _there_is_a_head(self) -> "CrossmodalOptions":
        if self.alone != "fused" and not self.auxiliary:
            raise ValueError(f"alone is {self.alone}, but auxiliary is 0: there is no such head")
        return self

    @override
    def check_model(self, modalities: Sequence[Modality], presence: str) -> None:
        if self.alone != "fused" and presence == "ignored":
            raise ValueError("options.alone needs presence: marked or filled, to know what is gone")


class AffWildNetOptions(Options):
    """Options of AffWildNet.

    Attributes:
        dynamic: whether recurrent layers follow the fully connected one; without them every frame
            is recognised by itself.
    """

    dynamic: bool = True


class AuxFormerOptions(Options):
    """Options of AuxFormer; the defaults are those of Goncalves and Busso.

    Attributes:
        auxiliary: whether there is an auxiliary network for each modality; without, it is the
            paper's baseline 1.
        positions: whether sinusoidal positions are added to the projected frames.
        temporal: what follows the fusion: `self_attention` layers with learnt scales, nothing, or
            one `lstm` or `gru` layer.
        pooling: what stands for a sequence: its `last` real frame, a learnt `token` in front of
            it, or the `mean` of its real frames. Frames that have labels of their own are not
            pooled.
        blocks: attention blocks as in the code and the parameter counts that are `published`, or as
            the `equations` of the paper have them, where the two differ.
        weight_fused: λ_va, weight of the main network's loss.
        weight_audio: λ_a, weight of the auxiliary audio network's loss.
        weight_video: λ_v, likewise of video.
        attention_dropout: of the outputs of every attention, beside `size.dropout` of every
            residual branch.
        output_dropout: between the dense layers.
    """

    auxiliary: bool = True
    positions: bool = True
    temporal: Literal["self_attention", "none", "lstm", "gru"] = "self_attention"
    pooling: Literal["last", "token", "mean"] = "last"
    blocks: Literal["published", "equations"] = "published"
    weight_fused: float = Field(default=1 / 3, ge=0)
    weight_audio: float = Field(default=1 / 3, ge=0)
    weight_video: float = Field(default=1 / 3, ge=0)
    attention_dropout: float = Field(default=0.25, ge=0, lt=1)
    output_dropout: float = Field(default=0.2, ge=0, lt=1)

    @model_validator(mode="after")
    def _weights_have_losses(self) -> "AuxFormerOptions":
        fields = type(self).model_fields
        weights = [name for name in fields if name.startswith("weight_")]
        # By value: a saved model names all its options.
        changed = [name for name in weights if getattr(self, name) != fields[name].default]
        if changed and not self.auxiliary:
            raise ValueError(
                f"{changed[0]} is given, but without auxiliary networks one loss is all"
            )
        if not any(getattr(self, weight) for weight in weights):
            raise ValueError("all loss weights are 0: nothing would be learnt")
        return self

    @model_validator(mode="after")
    def _the_token_sees_the_sequence(self) -> "AuxFormerOptions":
        if self.pooling == "token" and self.temporal != "self_attention":
            raise ValueError(
                f"pooling is token, but with temporal {self.temporal} a token in front of the "
                "sequence does not see it"
            )
        return self

    @override
    def check_model(self, modalities: Sequence[Modality], presence: str) -> None:
        for modality in MODALITIES:
            name = f"weight_{modality}"
            default = type(self).model_fields[name].default
            if modality not in modalities and getattr(self, name) != default:
                raise ValueError(
                    f"options.{name} is set, but the model does not see {modality}: "
                    f"it sees {' and '.join(modalities)}"
                )
        names = ["weight_fused", *(f"weight_{modality}" for modality in modalities)]
        if self.auxiliary and not any(getattr(self, name) for name in names):
            raise ValueError(f"options {' and '.join(names)} are 0: nothing would be learnt")

    @override
    def unused(self, level: str) -> tuple[str, str] | None:
        if level == "frame" and self.pooling != type(self).model_fields["pooling"].default:
            return "pooling", "every frame has labels of its own: nothing is pooled"
        return None


class MulTOptions(Options):
    """Options of MulT; the defaults follow the code that Tsai et al. published.

    Attributes:
        embedding_dropout: of the input of every encoder.
        output_dropout: between the dense layers.
    """

    embedding_dropout: float = Field(default=0.25, ge=0, lt=1)
    output_dropout: float = Field(default=0.0, ge=0, lt=1)


class FusionOptions(Options):
    """Options of the fusions on convolutional branches.

    Attributes:
        kind: where and how two modalities meet (Chumachenko et al. 2022, section III.B): late
            transformer (`lt`), intermediate transformer (`it`) or intermediate attention (`ia`);
            or a late transformer of one direction, from audio to video (`tav`) or from video to
            audio (`tva`). `mult` is what the paper compares them with (section IV, after Tsai et
            al. 2019): a late transformer, and transformer blocks of each branch alone after it.
            Of no account for one modality.
        dense: whether dense layers with a residual, those of MulT, come before the output (the
            paper's Table III).
    """

    kind: Literal["lt", "it", "ia", "tav", "tva", "mult"] = "ia"
    dense: bool = False


class PictureFusionOptions(FusionOptions):
    """Options of the fusion whose picture stream is face crops.

    Attributes:
        augment: whether training mirrors half of the clips and turns each by up to 10°.
    """

    augment: bool = True


class SmootherOptions(Options):
    """Options of the network of normalised smoothing.

    Attributes:
        context: what a frame's mean is taken over: `both` sides of it, or the `past` alone, so that
            nothing waits for frames to come.
    """

    context: Literal["both", "past"] = "both"


class MMINOptions(Options):
    """Options of MMIN: weights of its losses beside that of the labels; the defaults are MMIN's.

    Attributes:
        imagined: of the distance from what was taken away.
        cycle: of the distance of the way back; 0 for none.
        consistency: of the distance of the invariant features from those of complete input
            (IF-MMIN); 0 for no such features.
    """

    imagined: float = Field(default=4.0, gt=0)
    cycle: float = Field(default=2.0, ge=0)
    consistency: float = Field(default=0.0, ge=0)


class VAVLOptions(Options):
    """Options of VAVL; the defaults are those of its authors' code.

    Attributes:
        bottleneck: channels that a modality is projected to.
        shared_layers: blocks of the Conformer that both modalities share.
        kernel: frames that a convolution sees.
        rebuilding: weight of the loss of what is rebuilt.
        output_dropout: between the dense layers of the heads.
    """

    bottleneck: int = Field(default=50, gt=0)
    shared_layers: int = Field(default=2, gt=0)
    kernel: int = Field(default=31, gt=0)
    rebuilding: float = Field(default=2.0, ge=0)
    output_dropout: float = Field(default=0.2, ge=0, lt=1)

    @field_validator("kernel")
    @classmethod
    def _kernel_has_a_middle(cls, kernel: int) -> int:
        if kernel % 2 == 0:
            raise ValueError(f"kernel {kernel} has no middle: make it odd")
        return kernel


class IMDerOptions(MulTOptions):
    """Options of IMDer; the defaults are those of its authors' code.

    Attributes:
        steps: of sampling.
        blocks: of the refinement.
        weight: of the losses of the score and of the refinement.
    """

    steps: int = Field(default=100, ge=2)
    blocks: int = Field(default=20, gt=0)
    weight: float = Field(default=0.1, gt=0)
