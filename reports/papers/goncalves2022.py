"""Goncalves and Busso 2022: AuxFormer, and trainings of emotion recognisers of sequences."""

from collections.abc import Mapping
from typing import Any

from reports.papers.claim import AUDIO, VIDEO, Benchmark, Claim, ClaimsOfPaper, LossOfClaim
from reports.papers.parthasarathy2020 import PLAIN

EMOTIONS = Benchmark(
    "F1 on CREMA-D and MSP-IMPROV, mean of 20 seeds",
    columns=("CREMA-D, micro", "CREMA-D, macro", "MSP-IMPROV, micro", "MSP-IMPROV, macro"),
    measured=("micro_f1", "macro_f1"),
    kind="classification",
)
WEIGHTS = Benchmark(
    "F1 on CREMA-D by the weights of the losses, mean of 20 seeds",
    columns=("CREMA-D, micro", "CREMA-D, macro"),
    measured=("micro_f1", "macro_f1"),
    kind="classification",
)
_AUXFORMER = {
    "auxiliary": True,
    "positions": True,
    "temporal": "self_attention",
    "pooling": "last",
    **dict.fromkeys(("weight_fused", "weight_audio", "weight_video"), 1 / 3),
}
_COMPARED: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("AuxFormer", "auxformer", _AUXFORMER),
    ("baseline 1", "auxformer", _AUXFORMER | {"auxiliary": False}),
    ("baseline 2", "mult", {}),
    ("baseline 3", "crossmodal", PLAIN),
)
# Tables 1 and 2: in each, a row for every one of the models.
_TABLES: tuple[tuple[str, LossOfClaim | None, tuple[tuple[float, ...], ...]], ...] = (
    (
        "standard",
        None,
        (
            (0.769, 0.768, 0.762, 0.706),
            (0.705, 0.702, 0.751, 0.687),
            (0.707, 0.704, 0.745, 0.677),
            (0.624, 0.608, 0.733, 0.663),
        ),
    ),
    (
        "optimized",
        None,
        (
            (0.773, 0.772, 0.761, 0.703),
            (0.736, 0.734, 0.742, 0.681),
            (0.724, 0.722, 0.744, 0.673),
            (0.629, 0.615, 0.732, 0.667),
        ),
    ),
    (
        "optimized",
        ("audio", "clip_zero", 1.0),
        (
            (0.622, 0.615, 0.721, 0.608),
            (0.561, 0.551, 0.709, 0.596),
            (0.572, 0.566, 0.692, 0.526),
            (0.552, 0.541, 0.714, 0.622),
        ),
    ),
    (
        "optimized",
        ("video", "clip_zero", 1.0),
        (
            (0.602, 0.592, 0.625, 0.532),
            (0.541, 0.528, 0.563, 0.453),
            (0.524, 0.513, 0.545, 0.366),
            (0.327, 0.244, 0.511, 0.378),
        ),
    ),
)

# Table 4, without the equal weights, which are those of Tables 1 to 3: λ_va, λ_a, λ_v.
_WEIGHTS: tuple[tuple[tuple[float, float, float], tuple[float, float]], ...] = (
    ((0.20, 0.40, 0.40), (0.773, 0.772)),
    ((0.30, 0.35, 0.35), (0.774, 0.773)),
    ((0.40, 0.30, 0.30), (0.773, 0.773)),
    ((0.50, 0.25, 0.25), (0.769, 0.768)),
    ((0.60, 0.20, 0.20), (0.772, 0.771)),
    ((0.70, 0.15, 0.15), (0.769, 0.768)),
    ((0.80, 0.10, 0.10), (0.770, 0.769)),
    ((0.00, 0.50, 0.50), (0.738, 0.738)),
    ((0.90, 0.00, 0.10), (0.738, 0.736)),
    ((0.90, 0.10, 0.00), (0.742, 0.743)),
)
PARAMETERS = {
    "AuxFormer": (7_054_748, 83),
    "baseline 1": (4_776_994, 48),
    "baseline 2": (358_384, 30),
    "baseline 3": (2_211_628, 39),
    "baseline 4": (4_364_354, 46),
}
"""Table 5: trainable parameters, and seconds an epoch on an Nvidia Quadro RTX 8000."""

CLAIMS: ClaimsOfPaper = {
    EMOTIONS: (
        *(
            Claim(
                f"{name}, {training} training",
                values,
                network,
                strategy="none" if training == "standard" else training,
                options=options,
                loss=loss,
            )
            for training, loss, table in _TABLES
            for (name, network, options), values in zip(_COMPARED, table, strict=True)
        ),
        *(
            Claim(f"baseline 4, {noun} only", values, "auxformer", modality, options=_AUXFORMER)
            for noun, modality, values in (
                ("picture", VIDEO, (0.611, 0.604, 0.726, 0.635)),
                ("sound", AUDIO, (0.585, 0.576, 0.629, 0.532)),
            )
        ),
        Claim(
            "AuxFormer without positions, optimized training",
            (0.767, 0.766, 0.753, 0.693),  # Table 3
            "auxformer",
            strategy="optimized",
            options=_AUXFORMER | {"positions": False},
        ),
    ),
    WEIGHTS: tuple(
        Claim(
            f"AuxFormer, λ {fused:.2f}, {audio:.2f}, {video:.2f}",
            values,
            "auxformer",
            strategy="optimized",
            options=_AUXFORMER
            | {"weight_fused": fused, "weight_audio": audio, "weight_video": video},
        )
        for (fused, audio, video), values in _WEIGHTS
    ),
}
