"""STRATEGIES: the ways in which modalities go missing, a row and an operator each; loads no torch.

An operator is a function `(ablation, modality, draws)` of what is taken away (`Ablation`), the
modality ("audio" or "video") that it is asked about, and the random numbers of a batch
(`models.ablation.operators.Draws`). It returns which frames are lost, (clips, frames) bool, which
are zeros then; or a `FrameMap`, which can also show something else. A strategy of your own is such
a function in a module of your own, named in params.yaml as `package.module:function`; it uses the
settings modality, p and burst, and should lose nothing where p is 0. An operator with an attribute
`phases` states the phases of training (`models.training.phases`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from features.settings import MODALITIES, Modality
from features.tables import Row, Table

DRAWING = ("modality", "p", "unit", "drawn")
"""Settings that most strategies use."""


@dataclass(frozen=True, kw_only=True)
class Strategy(Row):
    """A strategy.

    Attributes:
        code: the operator.
        title: in tables and figures.
        paper: where it comes from.
        p_means: what p is, where it is not the probability that the title says.
        uses: the settings of `models.settings.Ablation` that it uses; others are refused.
        modalities: what it can take from, where `modality` does not say.
        leaves: what is left of a clip: `clips` are zeroed whole or not at all; `gaps` are zeros
            among frames that are left, which may be filled from those; `frames`, where every frame
            shows something, which counts as there; None where nobody knows.
        random: whether it differs from trial to trial even where p is 1.
        condition: whether models can be evaluated under it.
        copies: of each sample in a batch, each losing something else; by `fill`, if it depends on
            that.
        smallest_batch: clips of a batch that it needs.
        faces: whether it is about faces in pictures, which a corpus of features does not have.
        joint: whether it is of both modalities, which depend on each other.
        needs: what a network has to show of its inside (`models.networks.registry.Network`).
    """

    paper: str = field(default="", metadata={"words": True})
    p_means: str = field(default="", metadata={"words": True})
    uses: tuple[str, ...] = DRAWING
    modalities: tuple[Modality, ...] = MODALITIES
    leaves: Literal["clips", "gaps", "frames"] | None
    random: bool = False
    condition: bool = True
    copies: int | Mapping[str, int] = 1
    smallest_batch: int = 1
    faces: bool = False
    joint: bool = False
    needs: tuple[str, ...] = ()


def _of_user(code: str) -> Strategy:
    """The row of a user's operator, of which nothing is known before it is loaded."""
    return Strategy(
        code=code, title=code.partition(":")[2], uses=(*DRAWING, "burst"), leaves=None, random=True
    )


STRATEGIES = Table(
    "strategy",
    {
        "none": Strategy(
            code="models.ablation.single:none",
            title="None",
            uses=(),
            modalities=(),
            leaves="frames",
            condition=False,
        ),
        "clip_zero": Strategy(
            code="models.ablation.single:clip_zero",
            title="Clip-Zero",
            paper="Parthasarathy and Sundaram 2020, section 2.2",
            leaves="clips",
        ),
        "frame_zero": Strategy(
            code="models.ablation.single:frame_zero",
            title="Frame-Zero",
            paper="Parthasarathy and Sundaram 2020, section 2.2",
            leaves="gaps",
        ),
        "frame_repeat": Strategy(
            code="models.ablation.single:frame_repeat",
            title="Frame-Repeat",
            paper="Parthasarathy and Sundaram 2020, section 2.2",
            leaves="frames",
        ),
        "subclip": Strategy(
            code="models.ablation.single:subclip",
            title="Subclip",
            paper="left to the future by Parthasarathy and Sundaram 2020",
            p_means="the share of frames lost in one run",
            leaves="gaps",
        ),
        "burst": Strategy(
            code="models.ablation.single:burst",
            title="Bursts",
            paper="Gilbert 1960 and Elliott 1963",
            p_means="the share of frames lost in bursts of that mean length",
            uses=(*DRAWING, "burst"),
            leaves="gaps",
        ),
        "noise": Strategy(
            code="models.ablation.single:noise",
            title="Noise",
            paper="Chumachenko et al. 2022, in evaluation",
            p_means="the probability that a clip is replaced by noise",
            leaves="frames",
            random=True,
        ),
        "keep_one": Strategy(
            code="models.ablation.single:keep_one",
            title="One kept",
            paper="random modality missing of GCNet (Lian et al. 2023)",
            p_means="the share of sounds and pictures that are lost, at most one of each clip",
            uses=("p", "unit", "drawn"),
            leaves="clips",
            joint=True,
        ),
        "blank_face": Strategy(
            code="models.ablation.single:blank_face",
            title="Blank face",
            paper="left to the future by Parthasarathy and Sundaram 2020",
            p_means="the probability that a frame arrives without its face",
            modalities=("video",),
            leaves="frames",
            faces=True,
        ),
        "optimized": Strategy(
            code="models.ablation.optimized:optimized",
            title="Optimized",
            paper="Goncalves and Busso 2022, section 3.6",
            uses=(),
            leaves="clips",
            condition=False,
            smallest_batch=5,  # a fifth of which is a clip
        ),
        "modality_dropout": Strategy(
            code="models.ablation.modality_dropout:modality_dropout",
            title="Modality dropout",
            paper="Chumachenko et al. 2022, section IV",
            uses=("fill",),
            leaves="clips",
            condition=False,
            copies={"hard": 3, "noise": 3, "soft": 4},
        ),
        "mixed": Strategy(
            code="models.ablation.mixed:mixed",
            title="Mixed",
            uses=("burst", "mixture", "unit", "drawn"),
            leaves="gaps",
            condition=False,
        ),
        "self_distillation": Strategy(
            code="models.ablation.self_distillation:self_distillation",
            title="Self-distillation",
            paper="Zhong et al. 2025 (CIDer)",
            leaves="gaps",
            condition=False,
            needs=("joint",),
        ),
        "balanced": Strategy(
            code="models.ablation.balanced:balanced",
            title="Balanced generation",
            paper="Sun et al. 2024 (RedCore)",
            leaves="clips",
            condition=False,
            needs=("generation",),
        ),
    },
    of_user=_of_user,
)


def modalities_of(strategy: str, modality: str) -> tuple[Modality, ...]:
    """The modalities that a strategy can act on, where the setting `modality` is given.

    >>> modalities_of("frame_zero", "either"), modalities_of("frame_zero", "audio")
    (('audio', 'video'), ('audio',))
    >>> modalities_of("none", "video")
    ()
    """
    row = STRATEGIES[strategy]
    if "modality" not in row.uses:
        return row.modalities
    return tuple(m for m in row.modalities if modality in (m, "either", "both", "together"))
