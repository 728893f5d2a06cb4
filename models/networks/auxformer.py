"""AuxFormer (Goncalves and Busso, Robust Audiovisual Emotion Recognition) and its ablations."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from features.task import Task
from models.networks.auxformer_equations import EquationCrossmodal, EquationEncoder
from models.networks.blocks import masked_mean, sinusoidal_positions
from models.networks.prenorm import CrossmodalEncoders, PreNormEncoder, ResidualMLP, last_frame
from models.networks.recogniser import Presence, Recogniser
from models.networks.stream import Outputs, Stream
from models.settings import AuxFormerOptions, Modality, NetworkSize

# Hidden units of the dense layers that the auxiliary networks share.
_SHARED = (512, 256)
_BLOCKS = {
    "published": (PreNormEncoder, CrossmodalEncoders),
    "equations": (EquationEncoder, EquationCrossmodal),
}


class AuxFormer(Recogniser):
    """Fusion attention and self-attention with learnt scales, beside one network per modality.

    Section 3 of the paper; 7,054,748 parameters with audio and video, 4,776,994 without auxiliary
    networks (baseline 1). One modality alone (baseline 4, section 4.5.4) has no fusion attention:
    2,844,823 parameters of video, where the paper counts 4,364,354 without saying of what.

    In evaluation the output is the mean of all networks' outputs, which the paper says of
    baseline 4, its authors' code does, and its Table 4 needs: .738 with no loss on the main
    network. An auxiliary network whose modality is known to be gone is left out of the mean.

    In four things the paper's text differs from its authors' code and from the counts of its Table
    5, and `options.blocks` chooses. With `published`, as in the code, the softmax scale is
    1/√d_head, residual connections are of the modality that gives queries, one layer norm follows
    the last layer, and a self-attention layer has one scale, α and 1 − α: the counts leave room for
    no more. With `equations` the scale is 1/√N for N frames (equation 2), the residual connections
    are of the modality that gives keys and values (section 3.2), every layer ends with a layer norm
    (equation 4), and there are an α and a β (section 3.3): 7,060,998 parameters.

    Unstated there and decided here: positions are for the auxiliary networks too, and a residual
    around the dense layers as in the authors' code.
    """

    def __init__(
        self,
        features: Mapping[Modality, int],
        *,
        size: NetworkSize,
        options: AuxFormerOptions,
        task: Task,
        presence: Presence,
    ) -> None:
        super().__init__(features, dict.fromkeys(features, size.dim), task, presence)
        outputs, joint = len(task.outputs), len(features) * size.dim
        self.dim = size.dim
        self.positions = options.positions
        self.pooling = "none" if self.per_frame else options.pooling
        self.projections = nn.ModuleDict(
            {m: nn.Linear(n, size.dim, bias=False) for m, n in features.items()}
        )
        if self.pooling == "token":
            self.tokens_in_front = nn.ParameterDict(
                # The scale of BERT's code (Devlin et al. 2019), whose normal is truncated.
                {m: nn.Parameter(0.02 * torch.randn(size.dim)) for m in features}
            )
        dropout = options.attention_dropout
        encoder, crossmodal = _BLOCKS[options.blocks]
        self.crossmodal = crossmodal(size, dropout) if len(features) > 1 else None
        self.temporal = nn.ModuleDict()
        if options.temporal == "self_attention":
            for m in features:
                self.temporal[m] = encoder(size, dropout, scaled=True)
        elif options.temporal != "none":
            for m in features:
                self.temporal[m] = _RecurrentLayer(options.temporal, size.dim)
        self.head = ResidualMLP(joint, (joint,), outputs, options.output_dropout)
        self.auxiliary = nn.ModuleDict()
        if options.auxiliary:
            for m in features:
                self.auxiliary[m] = encoder(size, dropout)
            self.shared = ResidualMLP(size.dim, _SHARED, outputs, options.output_dropout)
            weights = {"audio": options.weight_audio, "video": options.weight_video}
            self.loss_weights = {m: weights[m] for m in self.modalities}
            self.fused_weight = options.weight_fused

    @override
    def project(self, modality: Modality, x: Tensor) -> Tensor:
        return self.projections[modality](x)

    def encode(self, modality: Modality, stream: Stream) -> Stream:
        """The main network's frames, and behind them in `x` the auxiliary network's outputs.

        Of a sequence these are the same in every frame.
        """
        stream = self._embedded(modality, stream)
        main = stream if self.crossmodal is not None else self._in_time(modality, stream)
        if modality not in self.auxiliary:
            return main
        attended = stream.holding(self.auxiliary[modality](stream.x, stream.keys))
        answer = self.shared(self._summary(attended)).expand(-1, main.x.shape[1], -1)
        return stream.holding(torch.cat((main.x, answer), dim=-1))

    @override
    def fuse(self, encoded: Mapping[Modality, Stream]) -> Outputs:
        main = {m: s.holding(s.x[..., : self.dim]) for m, s in encoded.items()}
        if self.crossmodal is not None:
            crossed = self.crossmodal(main)
            main = {m: self._in_time(m, stream) for m, stream in crossed.items()}
        fused = self.head(torch.cat([self._summary(main[m]) for m in self.modalities], dim=-1))
        answers = {m: encoded[m].x[..., self.dim :] for m in self.loss_weights}
        auxiliary = {m: x if self.pooling == "none" else x[:, :1] for m, x in answers.items()}
        gone = {modality: encoded[modality].gone for modality in auxiliary}
        if not self.training:
            fused = self._mean(fused, auxiliary, gone)
        return Outputs(fused, auxiliary, gone)

    def _mean(
        self,
        fused: Tensor,
        auxiliary: Mapping[Modality, Tensor],
        gone: Mapping[Modality, Tensor],
    ) -> Tensor:
        """The mean output of the networks that know something of a clip."""
        answers = torch.stack([fused, *auxiliary.values()])
        if self.presence.frames == "ignored":
            return answers.mean(0)
        silent = torch.stack([torch.zeros_like(fused[:, 0, 0], dtype=torch.bool), *gone.values()])
        weight = (~silent).to(answers.dtype)[..., None, None]
        return (answers * weight).sum(0) / weight.sum(0)

    def _embedded(self, modality: Modality, stream: Stream) -> Stream:
        x, mask, present = stream.x, stream.mask, stream.present
        if self.pooling == "token":
            token = self.tokens_in_front[modality].to(x.dtype).expand(x.shape[0], 1, -1)
            # The token is there if the modality is: without, all is attended to; see `Stream.keys`.
            mask = torch.cat((mask.any(1, keepdim=True), mask), dim=1)
            present = torch.cat((present.any(1, keepdim=True), present), dim=1)
            x = torch.cat((token, x), dim=1)
        if self.positions:
            x = x + sinusoidal_positions(x.shape[1], x.shape[2], x.device).to(x.dtype)
        return Stream(x, mask, present)

    def _in_time(self, modality: Modality, stream: Stream) -> Stream:
        if modality not in self.temporal:
            return stream
        return stream.holding(self.temporal[modality](stream.x, stream.keys))

    def _summary(self, stream: Stream) -> Tensor:
        if self.pooling == "none":
            return stream.x
        if self.pooling == "token":
            return stream.x[:, :1]
        return (masked_mean if self.pooling == "mean" else last_frame)(stream.x, stream.mask)


class _RecurrentLayer(nn.Module):
    """One recurrent layer, forward in time: what follows a sequence does not reach it."""

    def __init__(self, kind: Literal["lstm", "gru"], dim: int) -> None:
        super().__init__()
        self.layer = {"lstm": nn.LSTM, "gru": nn.GRU}[kind](dim, dim, batch_first=True)

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        """(clips, frames, dim) of the same shape; it has no keys to choose from."""
        return self.layer(x)[0]
