"""The numbers that four papers state of models, conditions and tasks that are here too."""

from collections.abc import Mapping
from typing import Any

from reports.numbers.protocols import INPUTS
from reports.numbers.schema import MODALITIES
from reports.numbers.task import Task
from reports.papers.claim import Claim, Claims, Loss

AUDIO, VIDEO = MODALITIES[:1], MODALITIES[1:2]
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
_PRETRAINED = "pretrained on Aff-Wild"
_PLAIN = {"auxiliary": 0}  # crossmodal without the heads that are Lacuna's own
_AUXFORMER = {
    "auxiliary": True,
    "positions": True,
    "temporal": "self_attention",
    "pooling": "last",
    **dict.fromkeys(("weight_fused", "weight_audio", "weight_video"), 1 / 3),
}
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
        Claim(
            "D",
            f"VGGFace-RNN (V), {_PRETRAINED} and retrained",
            (0.379, 0.481),
            "recurrent",
            VIDEO,
        ),
        Claim("D", "RNN (A)", (0.105, 0.168), "recurrent", AUDIO),
        *(
            Claim(
                "D",
                f"AffWildNet static, {units} units (V), {_PRETRAINED}",
                values,
                "affwildnet",
                VIDEO,
                options={"dynamic": False},
                size={"ffn": units},
            )
            for units, values in {2000: (0.176, 0.198), 4096: (0.244, 0.297)}.items()
        ),
        Claim(
            "D",
            f"AffWildNet dynamic (V), {_PRETRAINED}",
            (0.315, 0.357),
            "affwildnet",
            VIDEO,
            options={"dynamic": True},
        ),
    ),
)
_G_MODELS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("AuxFormer", "auxformer", _AUXFORMER),
    ("baseline 1", "auxformer", _AUXFORMER | {"auxiliary": False}),
    ("baseline 2", "mult", {}),
    ("baseline 3", "crossmodal", _PLAIN),
)
# Tables 1 and 2: in each, a row for every one of the models.
_G_TABLES: tuple[tuple[str, Loss | None, tuple[tuple[float, ...], ...]], ...] = (
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
EMOTIONS = Claims(
    "F1 on CREMA-D and MSP-IMPROV, mean of 20 seeds",
    ("CREMA-D, micro", "CREMA-D, macro", "MSP-IMPROV, micro", "MSP-IMPROV, macro"),
    ("micro_f1", "macro_f1"),
    (
        *(
            Claim(
                "G",
                f"{name}, {training} training",
                values,
                network,
                strategy="none" if training == "standard" else training,
                options=options,
                loss=loss,
            )
            for training, loss, table in _G_TABLES
            for (name, network, options), values in zip(_G_MODELS, table, strict=True)
        ),
        *(
            Claim("G", f"baseline 4, {sees} only", values, "auxformer", one, options=_AUXFORMER)
            for sees, one, values in (
                ("picture", VIDEO, (0.611, 0.604, 0.726, 0.635)),
                ("sound", AUDIO, (0.585, 0.576, 0.629, 0.532)),
            )
        ),
        Claim(
            "G",
            "AuxFormer without positions, optimized training",
            (0.767, 0.766, 0.753, 0.693),  # Table 3
            "auxformer",
            strategy="optimized",
            options=_AUXFORMER | {"positions": False},
        ),
    ),
)

# With dropout every batch has scaled samples too (section IV), as in the filling `soft`.
_C_TRAININGS: tuple[tuple[str, str, str | None, Loss], ...] = (
    ("", "none", None, "absent"),
    (", modality dropout", "modality_dropout", "soft", "absent"),
    (", modality dropout with noise", "modality_dropout", "noise", "noise"),
)
# Table II as printed, but for one 62.9 that stands there as 0.629: accuracy on RAVDESS in %, binary
# accuracy in % and MAE on CMU-MOSEI, each for AV, A, V and M. `III` is MULT in Table III, with the
# published blocks. Six of the printed means are wrong.
_C_TABLES = (
    """
LT1  79.33 19.83 36.41 45.19  63.89 48.70 62.85 58.48  0.806 0.840 1.063 0.903
LT4  76.42 27.92 30.00 44.78  66.56 62.63 53.16 60.78  0.806 0.839 0.831 0.825
IT1  76.41 21.16 18.33 38.63  67.72 37.14 62.87 55.91  0.792 0.843 0.809 0.815
IT4  78.50 20.33 17.33 38.72  64.91 62.60 62.85 63.45  0.817 0.840 0.832 0.830
IA1  76.00 18.58 22.83 39.13  64.94 62.08 62.86 63.29  0.802 0.837 0.806 0.815
IA4  77.41 20.66 29.83 42.63  67.72 63.07 65.77 65.52  0.794 0.837 0.803 0.811
TAV  77.75 24.25 13.33 38.44  64.94 62.08 62.86 62.18  0.814 0.841 1.093 0.916
TVA  76.00 15.16 42.67 44.61  66.48 37.15 56.96 53.53  0.809 0.852 0.838 0.833
MULT 74.16 22.33 35.42 43.97  62.90 62.85 64.44 63.40  0.804 0.838 0.804 0.815
III      -     -     -     -  67.66 56.90 60.73 61.76  0.787 0.838 0.836 0.821
""",
    """
LT1  79.08 59.16 72.66 70.30  67.11 63.62 62.9  64.54  0.802 0.829 0.801 0.811
LT4  79.25 53.00 70.92 67.72  64.47 53.71 64.91 61.03  0.814 0.837 0.819 0.824
IT1  77.33 48.41 73.75 66.50  62.80 62.85 63.09 62.91  0.804 0.831 0.803 0.813
IT4  78.91 44.33 74.92 66.05  67.01 64.30 63.12 64.81  0.796 0.826 0.797 0.806
IA1  81.58 58.08 72.83 70.83  67.19 64.52 64.91 65.54  0.795 0.816 0.798 0.803
IA4  79.58 57.16 71.83 69.52  63.48 62.74 63.18 63.13  0.807 0.820 0.808 0.812
TAV  76.58 54.83 13.33 48.24  65.32 63.84 62.85 64.01  0.811 0.832 0.839 0.828
TVA  74.42 44.91 69.58 62.97  67.61 63.98 60.95 64.18  0.793 0.819 0.798 0.803
MULT 78.50 53.58 70.66 67.58  63.87 62.85 63.37 63.36  0.806 0.836 0.835 0.826
III      -     -     -     -  66.12 65.41 63.62 65.05  0.801 0.831 0.808 0.813
""",
    """
LT1  77.08 53.16 68.50 66.246 65.57 64.03 64.94 64.94  0.809 0.826 0.806 0.813
LT4  80.33 54.33 73.00 69.22  64.08 63.31 62.85 62.85  0.813 0.827 0.813 0.818
IT1  76.75 53.75 71.58 67.36  68.16 65.98 63.53 63.53  0.799 0.821 0.804 0.808
IT4  76.08 54.50 71.00 67.19  67.83 63.56 64.22 64.22  0.801 0.826 0.802 0.809
IA1  78.25 58.25 71.66 69.38  62.76 63.89 63.18 63.27  0.804 0.819 0.805 0.809
IA4  78.41 55.75 68.58 67.58  63.51 64.08 62.54 63.37  0.805 0.820 0.808 0.811
TAV  75.83 56.25 12.83 48.30  66.81 65.68 65.60 66.03  0.810 0.820 0.811 0.813
TVA  73.66 41.25 71.41 62.10  66.23 63.18 64.58 64.66  0.804 0.831 0.806 0.813
MULT 77.41 54.16 66.33 65.96  64.52 62.74 63.51 63.59  0.805 0.830 0.805 0.811
III      -     -     -     -  66.18 64.19 64.39 64.92  0.790 0.813 0.791 0.798
""",
)


def _of_c(measured: str, metric: str, first: int, *, percent: bool = False) -> Claims:
    """The four columns of `_C_TABLES` that begin with column `first`."""
    rows = []
    for (training, strategy, fill, loss), table in zip(_C_TRAININGS, _C_TABLES, strict=True):
        for name, *printed in map(str.split, table.strip().splitlines()):
            columns = printed[first : first + len(INPUTS)]
            if "-" in columns:
                continue
            values = tuple(round(float(x) / 100, 5) if percent else float(x) for x in columns)
            # LT, IT and IA are followed by their heads; the others have one (section IV).
            kind, heads = (name[:2], int(name[2])) if name[2:].isdigit() else (name, 1)
            model, network = (name, "fusion") if name != "III" else ("MULT of Table III", "mult")
            of_fusion = network == "fusion"
            rows.append(
                Claim(
                    "C",
                    model + training,
                    values,
                    network,
                    strategy=strategy,
                    fill=fill,
                    options={"kind": kind.lower()} if of_fusion else {},
                    size={"heads": heads} if of_fusion else {},
                    loss=loss,
                )
            )
    return Claims(measured, INPUTS, INPUTS, tuple(rows), metric)


RAVDESS = _of_c("Accuracy on RAVDESS", "accuracy", 0, percent=True)
SENTIMENT = (
    _of_c("Binary accuracy on CMU-MOSEI", "binary_accuracy", 4, percent=True),
    _of_c("MAE on CMU-MOSEI", "mae", 8),
)


def claims_of(task: Task) -> tuple[Claims, ...]:
    """The tables whose numbers are of this task; none for a task that the papers have not."""
    if task.is_the_papers:
        return (AFFECT,)
    return {"classification": (EMOTIONS, RAVDESS), "sentiment": SENTIMENT}.get(task.kind, ())
