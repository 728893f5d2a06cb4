"""Numbers that four papers state, and the kind of model that each is of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reports.schema import MODALITIES
from reports.task import Task

Loss = tuple[str, str, float] | str  # modality, strategy, p; or what the other modality is
AUDIO, VIDEO, BOTH = MODALITIES[:1], MODALITIES[1:2], MODALITIES[:2]


@dataclass(frozen=True)
class Claim:
    """One row of numbers of a paper.

    Attributes:
        paper: its letter in `PAPERS`.
        model: as the paper calls it, or nearly so.
        values: as the columns of its table.
        network: which of ours it is.
        modalities: what that one sees.
        strategy: what it is trained with.
        fill: of modality_dropout.
        options: of the network; all that make another architecture of it.
        heads: of its attention, where the paper tells models apart by them.
        loss: the condition; None for intact input.
    """

    paper: str
    model: str
    values: tuple[float, ...]
    network: str
    modalities: tuple[str, ...] = BOTH
    strategy: str = "none"
    fill: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    heads: int | None = None
    loss: Loss | None = None

    def is_of(self, settings: Mapping[str, Any]) -> bool:
        """Whether a model of the run, by its settings in `run.json`, is of the same kind.

        No paper tells a model what is missing, or keeps a running mean of the weights. Sizes and
        the rest of the training may differ.
        """
        ablation, options = settings["ablation"], settings["options"]
        return (
            settings["network"] == self.network
            and sorted(settings["modalities"]) == sorted(self.modalities)
            and settings["presence"] == "ignored"
            and ablation["strategy"] == self.strategy
            and self.fill in (None, ablation["fill"])
            and self.heads in (None, settings["size"]["heads"])
            and all(options[name] == value for name, value in self.options.items())
            and settings["train"]["average"] is None
        )


@dataclass(frozen=True)
class Claims:
    """A table of the page.

    Attributes:
        measured: what the numbers are, and on which corpora.
        columns: of the papers' values.
        own: columns of this run's values.
        rows: what is claimed.
    """

    measured: str
    columns: tuple[str, ...]
    own: tuple[str, ...]
    rows: tuple[Claim, ...]


PAPERS = {
    "P": "S. Parthasarathy and S. Sundaram, “Training Strategies to Handle Missing Modalities for "
    "Audio-Visual Expression Recognition” (2020)",
    "D": "S. Parthasarathy and S. Sundaram, “Detecting Expressions with Multimodal Transformers” "
    "(2021)",
    "G": "L. Goncalves and C. Busso, “Robust Audiovisual Emotion Recognition: Aligning Modalities, "
    "Capturing Temporal Information, and Handling Missing Features” (2022)",
    "C": "K. Chumachenko, A. Iosifidis and M. Gabbouj, “Self-attention fusion for audiovisual "
    "emotion recognition with incomplete data” (2022)",
}
_PLAIN = {"auxiliary": 0}  # crossmodal without the heads that are Lacuna's own
_AUXFORMER = {
    "auxiliary": True,
    "positions": True,
    "temporal": "self_attention",
    "pooling": "last",
    **dict.fromkeys(("weight_fused", "weight_audio", "weight_video"), 1 / 3),
}
_BASELINES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("AuxFormer", "auxformer", _AUXFORMER),
    ("baseline 1", "auxformer", _AUXFORMER | {"auxiliary": False}),
    ("baseline 2", "mult", {}),
    ("baseline 3", "crossmodal", _PLAIN),
)
AFFECT = Claims(
    "CCC on Aff-Wild2",
    ("Valence", "Arousal"),
    ("valence", "arousal"),
    (
        Claim("P", "baseline", (0.393, 0.522), "crossmodal", options=_PLAIN),
        *(
            Claim("P", "baseline", values, "crossmodal", options=_PLAIN, loss=("video", name, 0.95))
            for name, values in {
                "frame_zero": (0.113, 0.235),
                "frame_repeat": (0.285, 0.410),
            }.items()
        ),
        Claim("P", "video only", (0.381, 0.489), "unimodal", VIDEO),
        Claim("P", "audio only", (-0.060, 0.284), "unimodal", AUDIO),
        Claim("D", "proposed (A+V)", (0.396, 0.525), "crossmodal", options=_PLAIN),
        Claim("D", "proposed (V)", (0.381, 0.489), "unimodal", VIDEO),
        Claim("D", "VGGFace-RNN (A+V)", (0.344, 0.506), "recurrent"),
        Claim("D", "VGGFace-RNN (V)", (0.379, 0.481), "recurrent", VIDEO),
        Claim("D", "RNN (A)", (0.105, 0.168), "recurrent", AUDIO),
    ),
)
EMOTIONS = Claims(
    "F1 on CREMA-D and MSP-IMPROV, mean of 20 seeds",
    ("CREMA-D, micro", "CREMA-D, macro", "MSP-IMPROV, micro", "MSP-IMPROV, macro"),
    ("micro_f1", "macro_f1"),
    tuple(
        Claim("G", f"{name}, {training}", values, network, strategy=strategy, options=options)
        for training, strategy, table in (
            (
                "standard training",
                "none",
                (
                    (0.769, 0.768, 0.762, 0.706),
                    (0.705, 0.702, 0.751, 0.687),
                    (0.707, 0.704, 0.745, 0.677),
                    (0.624, 0.608, 0.733, 0.663),
                ),
            ),
            (
                "optimized training",
                "optimized",
                (
                    (0.773, 0.772, 0.761, 0.703),
                    (0.736, 0.734, 0.742, 0.681),
                    (0.724, 0.722, 0.744, 0.673),
                    (0.629, 0.615, 0.732, 0.667),
                ),
            ),
        )
        for (name, network, options), values in zip(
            _BASELINES,
            table,
            strict=True,
        )
    ),
)
RAVDESS = Claims(
    "Accuracy on RAVDESS",
    ("AV", "A", "V", "M"),
    ("AV", "A", "V", "M"),
    tuple(
        Claim(
            "C",
            f"IA{heads}{training}",
            values,
            "fusion",
            strategy=strategy,
            fill=fill,
            options={"kind": "ia"},
            heads=heads,
            loss=loss,
        )
        # With dropout every batch has scaled samples too (section IV), as in the filling `soft`.
        for training, strategy, fill, loss, table in (
            (
                "",
                "none",
                None,
                "absent",
                {1: (0.7600, 0.1858, 0.2283, 0.3913), 4: (0.7741, 0.2066, 0.2983, 0.4263)},
            ),
            (
                ", modality dropout",
                "modality_dropout",
                "soft",
                "absent",
                {1: (0.8158, 0.5808, 0.7283, 0.7083), 4: (0.7958, 0.5716, 0.7183, 0.6952)},
            ),
            (
                ", modality dropout with noise",
                "modality_dropout",
                "noise",
                "noise",
                {1: (0.7825, 0.5825, 0.7166, 0.6938), 4: (0.7841, 0.5575, 0.6858, 0.6758)},
            ),
        )
        for heads, values in table.items()
    ),
)


def claims_of(task: Task) -> tuple[Claims, ...]:
    """The tables whose numbers are of this task; none for a task that the papers have not."""
    if task.is_the_papers:
        return (AFFECT,)
    return (EMOTIONS, RAVDESS) if task.kind == "classification" else ()
