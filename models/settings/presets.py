"""PRESETS: the hyper-parameters of the papers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from features.tables import Row, Table
from models.settings.network import NetworkSize


@dataclass(frozen=True)
class Architecture:
    """A paper's network: its size, and the options that are not the network's defaults."""

    size: NetworkSize
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Preset(Row):
    """Hyper-parameters of a paper, or our own.

    Attributes:
        code: none: a preset is values alone.
        networks: those the paper has.
        train: of all of them; what it does not name is that of `train` in params.yaml.
        model: what a model is that names the preset, as far as it says nothing else.
        deviations: in what a model of it differs from the paper, a sentence each.
    """

    code: str = ""
    networks: Mapping[str, Architecture]
    train: Mapping[str, Any]
    model: Mapping[str, Any] = field(default_factory=dict)
    deviations: tuple[str, ...] = field(default=(), metadata={"words": True})


_PLAIN: Mapping[str, Any] = {
    "optimizer": "adam",
    "weight_decay": 0.0,
    "clip_norm": None,
    "decay": "none",
    "choose_by": "metric",
    "average": None,
    "refit": 0,
    "teacher": 0.0,
    "batch_speakers": None,
    "within_speaker": 0.0,
    "ccc": "batch",
    "dampening": 0.0,
    "class_weights": "none",
}
"""What no paper mentions unless it does it."""

_CROSSMODAL = NetworkSize(dim=512, heads=4, ffn=512, layers=2, dropout=0.1)
"""Two layers of 512 nodes and 4 heads for each modality (Parthasarathy and Sundaram 2020, section
3.3; likewise the other paper of theirs, section 4.3). Ours: the feed-forward's units and dropout
are not stated."""

_GRU = NetworkSize(dim=128, heads=1, ffn=4096, layers=2, dropout=0.0)
"""Two GRU layers of 128 units and, of AffWildNet, the fully connected layer of 4096 (Parthasarathy
and Sundaram, detecting expressions, section 4.4). No dropout is mentioned; heads have no part."""

_AUXFORMER = NetworkSize(dim=130, heads=10, ffn=520, layers=5, dropout=0.1)
"""Five layers of 10 heads, dropout of residuals (Goncalves and Busso 2022, section 4.3); 130 is
the dimension of their acoustic features, and its fourfold in the feed-forward blocks follows from
the parameter counts of Table 5. The dropout of attention and of outputs are `AuxFormerOptions`."""

_BRANCHES = NetworkSize(dim=64, heads=1, ffn=256, layers=1, dropout=0.0)
"""As the comment beside the preset of Chumachenko et al. 2022 says."""

_MMIN = NetworkSize(dim=128, heads=1, ffn=256, layers=5, dropout=0.5)
"""Embeddings of 128, five autoencoders of 256, 128 and 64, classifiers of 128 and 128 (the scripts
published with IF-MMIN, for both networks). Heads have no part."""

_MMIN_TRAIN: Mapping[str, Any] = {
    **_PLAIN,
    "learning_rate": 2e-4,
    "weight_decay": 1e-5,
    "clip_norm": 1.0,
    "batch_clips": 128,
    "decay": "linear",
}

_ONE_OF_BOTH: Mapping[str, Any] = {
    "strategy": "keep_one",
    "p": 1 / 3,  # a third of the clips lose sound, a third picture: {a}, {v} and {av} alike
}

_IMAGINING = (
    "There is no text: embeddings of two modalities, and three conditions in training, sound, "
    "picture and both, where the paper has six of three modalities.",
    "The epoch is chosen by intact input; the paper chooses by all its conditions.",
    "Both phases have the same settings; the published scripts train the first one for 20 epochs "
    "with dropout 0.3.",
    "The gradient of all parameters has one norm; the code clips each module by itself.",
)

PRESETS = Table(
    "preset",
    {
        # Section 3.3: Adam, learning rate 1e-4. Batch size, epochs and patience are not stated:
        # those of `train`. The two branches alone are the models of sections 4.1 and 4.2.
        "parthasarathy2020": Preset(
            title="Parthasarathy and Sundaram 2020",
            networks={
                "crossmodal": Architecture(_CROSSMODAL),
                "unimodal": Architecture(_CROSSMODAL),
            },
            train={**_PLAIN, "learning_rate": 1e-4},
            deviations=(
                "Positions, feed-forward of 512, layer norm after each block, softmax scale "
                "1/√d_head and α = β = 1 at the start are not stated.",
                "Which part of the train set chose the epoch, batches, epochs, patience and seeds "
                "are not stated.",
                "The paper says windows of 30 ms; openSMILE's set has 60 and 20 ms every 10 ms.",
            ),
        ),
        # Detecting expressions with multimodal transformers. Section 4.3: Adam, learning rate 1e-5;
        # ours: of the baselines of section 4.4 too, of which it says the loss alone: 1 − CCC "at
        # the sequence level". The static AffWildNet is an option; its other size is {ffn: 2000}.
        "parthasarathy2021": Preset(
            title="Parthasarathy and Sundaram, detecting expressions",
            networks={
                "crossmodal": Architecture(_CROSSMODAL),
                "unimodal": Architecture(_CROSSMODAL),
                "recurrent": Architecture(_GRU),
                "affwildnet": Architecture(_GRU),
            },
            train={**_PLAIN, "learning_rate": 1e-5, "ccc": "sequence"},
            deviations=(
                "The dense layer of AffWildNet is fc6 of VGG-Face itself; here one of its size is "
                "learnt on fc6, and the convolutions stay as they are.",
                "AffWildNet is pretrained on Aff-Wild and trained no further in the paper; here it "
                "is trained on the corpus.",
                "Counted with VGG-Face the recurrent networks are 7.3 and 3.0 % off the "
                "transformers, as the paper says of its own; without it they differ more.",
                "The learning rate is stated of the transformers; the baselines have it too.",
            ),
        ),
        # Section 4.3: Adam, learning rate 7.25e-4, gradients clipped at .8, batches of 32, 25
        # epochs, the best by the development loss. "Learning decay set to five epochs" is, in the
        # code that the authors published with the conference version, torch's plateau of 5 with its
        # factor .1. No patience is stated, and that code has none. Baseline 1 is {auxiliary:
        # false}, baseline 4 the auxformer of one modality. Baseline 2 is MulT at 30 dimensions,
        # which with layers, heads and fourfold feed-forward as above has the parameters of Table 5
        # (upscaled: {dim: 160, ffn: 640}). Of baseline 3 no size is stated, but "several encoding
        # layers" that cannot be derived from its 2,211,628 parameters: with the sizes of auxformer
        # four layers come nearest, 2,322,326.
        "goncalves2022": Preset(
            title="Goncalves and Busso 2022",
            networks={
                "auxformer": Architecture(_AUXFORMER),
                "mult": Architecture(NetworkSize(dim=30, heads=10, ffn=120, layers=5, dropout=0.1)),
                "crossmodal": Architecture(
                    NetworkSize(dim=130, heads=10, ffn=520, layers=4, dropout=0.1)
                ),
            },
            train={
                **_PLAIN,
                "learning_rate": 7.25e-4,
                "clip_norm": 0.8,
                "batch_clips": 32,
                "epochs": 25,
                "patience": 25,
                "choose_by": "loss",
                "decay": "plateau",
                "decay_epochs": 5,
                "decay_factor": 0.1,
            },
            deviations=(
                "The text denies a projection of sound; the 7,054,748 parameters of Table 5 need "
                "one of 130 × 130, as here. The code first published counts 7,037,848.",
                "Equations 2 to 4 and the code differ in scale, residual and layer norm, section "
                "3.3 and the counts in the learnt scales: options.blocks has either.",
                "The published code has a causal mask, multiplies inputs by √d, and goes through "
                "the auxiliary networks three times; the text has none of it, nor is it here.",
                "7,070,406 parameters of baseline 2 scaled up are of six classes, the other counts "
                "of Table 5 of four. Baselines 3 and 4 cannot be derived from the text.",
                "The last real frame is read; published code reads the last one of the padding.",
            ),
        ),
        # Table I: branches of 64 to 256 filters; section IV: one block of one head ({heads: 4} is
        # its other form). Section IV-1, RAVDESS: SGD, learning rate .04, momentum .9, weight decay
        # 1e-3, plateau of 10 epochs, 100 epochs. Not stated, and here as in the authors' published
        # code: batches of 8, feed-forward of 256, no dropout, torch's factor .1. That code also
        # damps the momentum by .9, of which the paper says nothing: steps ten times smaller than
        # these.
        "chumachenko2022": Preset(
            title="Chumachenko et al. 2022",
            networks={
                "fusion": Architecture(_BRANCHES),
                "picture_fusion": Architecture(_BRANCHES),
            },
            train={
                **_PLAIN,
                "optimizer": "sgd",
                "learning_rate": 0.04,
                "momentum": 0.9,
                "weight_decay": 1e-3,
                "batch_clips": 8,
                "epochs": 100,
                "patience": 100,
                "decay": "plateau",
                "decay_epochs": 10,
                "decay_factor": 0.1,
            },
            deviations=(
                "The paper's EfficientFace, trained with the rest on 15 raw pictures, with flips "
                "and rotations, is in picture_fusion; fusion has a branch on the rows of a stream.",
                "The training of EfficientFace on AffectNet is not rebuilt: picture_fusion begins "
                "from a file of published weights, or from random ones.",
                "Clips are not cropped or padded to 3.6 s: the sound is of the whole clip, and the "
                "pictures are spread over it.",
                "The published code never steps its plateau, and lowers the rate at epochs 40, 55, "
                "65 and 70; here the plateau is stepped, as the text has it.",
                "The published code damps the momentum by 0.9 (train.dampening); the text does "
                "not.",
                "The published code has feed-forwards of 128 on the video side of IT and 256 on "
                "the audio side; both are size.ffn here.",
                "Table I pools the last two audio blocks with k = 2 and stride 1.",
            ),
        ),
        # The published code and its script of CREMA-D: Adam, learning rate 5e-5, weight decay 5e-7,
        # batches of 32 (of MSP-IMPROV 9), 20 epochs, the best by the development loss.
        "goncalves2023": Preset(
            title="Goncalves et al. 2023",
            networks={
                "vavl": Architecture(NetworkSize(dim=512, heads=8, ffn=2048, layers=3, dropout=0.1))
            },
            train={
                **_PLAIN,
                "learning_rate": 5e-5,
                "weight_decay": 5e-7,
                "batch_clips": 32,
                "epochs": 20,
                "patience": 20,
                "choose_by": "loss",
            },
            model={"network": "vavl", "presence": "marked"},
            deviations=(
                "Conformers go over the frames of a clip; in the published code clips and frames "
                "change places before them, so that they go over the clips of a batch.",
                "Positions are relative on both sides of a frame; the code has a decoder's.",
                "The three updates have an optimizer each, with torch's β of 0.9 and 0.999; the "
                "code has one for each part, with 0.95 and 0.999.",
                "Dropout stays on in the encoders while the head of both learns.",
                "What is rebuilt counts 2, as for classes; for dimensions the code has 1 beside "
                "the sum of three losses, of which the mean is taken here.",
                "Features are the corpus's; the paper's are wav2vec 2.0 and EfficientNet-B2.",
            ),
        ),
        # The published scripts: Adam, learning rate 2e-4, 30 epochs and 30 more along a line to 0,
        # batches of 128, norm clipped at 1. Their weight decay of 1e-5 never reaches the optimizer
        # of their code.
        "zhao2021": Preset(
            title="Zhao et al. 2021",
            networks={"mmin": Architecture(_MMIN)},
            train={**_MMIN_TRAIN, "epochs": 60, "patience": 60, "decay_epochs": 30},
            model={"network": "mmin", "ablation": _ONE_OF_BOTH},
            deviations=_IMAGINING,
        ),
        # The published script: as MMIN with 20 and 20 epochs, weights of 1 and 100, no way back.
        "zuo2023": Preset(
            title="Zuo et al. 2023",
            networks={
                "mmin": Architecture(_MMIN, {"imagined": 1.0, "cycle": 0.0, "consistency": 100.0})
            },
            train={**_MMIN_TRAIN, "epochs": 40, "patience": 40, "decay_epochs": 20},
            model={"network": "mmin", "ablation": _ONE_OF_BOTH},
            deviations=(
                *_IMAGINING,
                "The weight 100 is the script's `consistent_weight`, a name that its code does not "
                "read; the code's own default is 1.",
            ),
        ),
        # The published code's settings of MOSI: width 32, 8 heads, 4 layers, Adam, learning rate
        # 2e-3, batches of 32, stop after 20 epochs without a better loss. Its plateau of 24 epochs
        # never comes before that stop, and its weight decay of 0.005 never reaches its optimizer.
        "wang2023": Preset(
            title="Wang et al. 2023",
            networks={
                "imder": Architecture(
                    NetworkSize(dim=32, heads=8, ffn=128, layers=4, dropout=0.0),
                    {"steps": 100, "blocks": 20, "embedding_dropout": 0.2},
                )
            },
            train={
                **_PLAIN,
                "learning_rate": 2e-3,
                "batch_clips": 32,
                "epochs": 200,
                "patience": 20,
                "choose_by": "loss",
            },
            model={"network": "imder", "presence": "marked", "ablation": _ONE_OF_BOTH},
            deviations=(
                "There is no text, so the condition is one modality and MulT has two branches.",
                "What is lost is drawn for each sample; the code draws it for each batch.",
                "Attention in the score networks is not limited to earlier frames, and positions "
                "are MulT's here.",
                "Convolutions see zeros beyond a clip's ends, so that frames stay as many.",
                "Outside training all clips have the same random numbers, from a fixed seed.",
                "Gradients are not clipped; the code limits each of them to 1.",
            ),
        ),
        # The published code: Adam, learning rate 1e-3, batches of 128, width 32, up to 200 epochs,
        # patience 10, residual dropout 0.1, feed-forward of four times the width. Layers (1 to 4),
        # heads (1 to 8) and three dropouts are searched, and the code does not say what was found:
        # layers and heads are in the middle here.
        "zhong2025": Preset(
            title="Zhong et al. 2025",
            networks={
                "crossmodal": Architecture(
                    NetworkSize(dim=32, heads=4, ffn=128, layers=2, dropout=0.1)
                ),
                "mult": Architecture(NetworkSize(dim=32, heads=4, ffn=128, layers=2, dropout=0.1)),
            },
            train={
                **_PLAIN,
                "learning_rate": 1e-3,
                "batch_clips": 128,
                "epochs": 200,
                "patience": 10,
            },
            model={"ablation": {"strategy": "self_distillation", "modality": "both", "p": 0.5}},
            deviations=(
                "The strategy is CIDer's, the network is not: no text, and the crossmodal "
                "transformer or MulT in place of GRUs with one transformer over all modalities.",
                "Lost frames are not reconstructed: that needs decoders, which are a part of "
                "CIDer's network. Its causal inference is left out, which is about language.",
                "The two updates of a batch have an optimizer each; the code has one for both.",
                "The weights of the losses, searched between 0 and 1, are 0.5.",
            ),
        ),
        # The published code: sizes and training of MMIN, the loss of what is generated 0.15 times
        # the sum over 128 numbers (19.2 times their mean), no way back. The rates are a pair of the
        # audio-visual reading of its unequal ones.
        "sun2024": Preset(
            title="Sun et al. 2024",
            networks={"mmin": Architecture(_MMIN, {"imagined": 19.2, "cycle": 0.0})},
            train={**_MMIN_TRAIN, "epochs": 60, "patience": 60, "decay_epochs": 30},
            model={
                "network": "mmin",
                "ablation": {
                    "strategy": "balanced",
                    "modality": "both",
                    "p": {"audio": 0.2, "video": 0.8},
                    "drawn": "once",
                },
            },
            deviations=(
                "The balance is RedCore's, the network is MMIN: LSTMs and no variational encoders, "
                "one cascade for both modalities, no classifier of each.",
                "What is generated is what was taken away, as MMIN has it; RedCore generates what "
                "is present from the others.",
                "A clip may lose both modalities, as each is lost at its own rate.",
                *_IMAGINING[1:],
            ),
        ),
        # Lacuna's own: chosen on simulated speakers (docs/studies). The share of the frames that
        # is kept is drawn uniformly in its logarithm, from one in a hundred to all.
        "lacuna": Preset(
            title="Lacuna",
            networks={
                "smoother": Architecture(
                    NetworkSize(dim=32, heads=1, ffn=32, layers=1, dropout=0.1)
                )
            },
            train={
                **_PLAIN,
                "heldout": "none",
                "learning_rate": 3e-3,
                "batch_clips": 36,
                "batch_speakers": 12,
                "within_speaker": 1.0,
                "epochs": 6,
                "decay": "cosine",
            },
            model={
                "network": "smoother",
                "presence": "marked",
                "repeats": "missing",
                "ablation": {
                    "strategy": "frame_zero",
                    "modality": "either",
                    "p": {"low": 0.0, "high": 0.99, "scale": "log"},
                },
            },
        ),
    },
)
