"""Chumachenko, Iosifidis and Gabbouj 2022: fusions of two branches, with modality dropout."""

from collections.abc import Iterator

from reports.numbers.schema import EVALUATED_INPUTS
from reports.papers.claim import Benchmark, Claim, ClaimsOfPaper

RAVDESS = Benchmark(
    "Accuracy on RAVDESS",
    EVALUATED_INPUTS,
    EVALUATED_INPUTS,
    kind="classification",
    metric="accuracy",
)
MOSEI_ACCURACY = Benchmark(
    "Binary accuracy on CMU-MOSEI",
    EVALUATED_INPUTS,
    EVALUATED_INPUTS,
    kind="sentiment",
    metric="binary_accuracy",
)
MOSEI_ERROR = Benchmark(
    "MAE on CMU-MOSEI", EVALUATED_INPUTS, EVALUATED_INPUTS, kind="sentiment", metric="mae"
)
# With dropout every batch has scaled samples too (section IV), as in the filling `soft`.
_TRAININGS: tuple[tuple[str, str, str | None, str], ...] = (
    ("", "none", None, "gone"),
    (", modality dropout", "modality_dropout", "soft", "gone"),
    (", modality dropout with noise", "modality_dropout", "noise", "noise"),
)
# Table II as printed, except that 62.9 is printed there as 0.629: accuracy on RAVDESS in %, binary
# accuracy in % and MAE on CMU-MOSEI, each for AV, A, V and M. Of Table III are `III`, MULT
# with the published blocks, and rows with a `d`, which have dense layers before the output. Six of
# the printed means of Table II are wrong.
_TABLES = (
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
IT1d   -     -     -     -  64.66 38.80 63.12 55.53  0.821 0.857 0.803 0.827
IT4d   -     -     -     -  65.90 37.23 62.85 55.32  0.805 0.845 1.932 1.194
IA1d   -     -     -     -  64.09 62.85 63.42 63.45  0.799 0.838 0.807 0.815
IA4d   -     -     -     -  64.74 37.28 61.28 54.43  0.803 0.842 0.808 0.818
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
IT1d   -     -     -     -  65.41 62.85 64.06 64.11  0.805 0.838 0.805 0.816
IT4d   -     -     -     -  66.57 64.78 65.02 65.45  0.792 0.812 0.795 0.800
IA1d   -     -     -     -  68.76 65.96 63.92 66.21  0.791 0.815 0.799 0.802
IA4d   -     -     -     -  66.18 64.67 64.22 65.02  0.794 0.815 0.801 0.803
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
IT1d   -     -     -     -  64.72 54.07 66.34 61.71  0.798 0.839 0.797 0.812
IT4d   -     -     -     -  64.69 64.33 61.83 63.61  0.801 0.826 0.799 0.808
IA1d   -     -     -     -  67.25 64.96 64.74 65.65  0.794 0.813 0.799 0.802
IA4d   -     -     -     -  63.40 63.23 62.85 63.16  0.806 0.820 0.806 0.811
III      -     -     -     -  66.18 64.19 64.39 64.92  0.790 0.813 0.791 0.798
""",
)


def _claims(first: int, *, percent: bool = False) -> Iterator[Claim]:
    """The rows of the four columns of `_TABLES` that begin with column `first`."""
    for (training, strategy, fill, loss), table in zip(_TRAININGS, _TABLES, strict=True):
        for name, *printed in map(str.split, table.strip().splitlines()):
            columns = printed[first : first + len(EVALUATED_INPUTS)]
            if "-" in columns:
                continue
            # LT, IT and IA are followed by their heads; the others have one (section IV).
            kind, heads = (name[:2], int(name[2])) if name[2:3].isdigit() else (name, 1)
            model, network, dense = name, "fusion", name.endswith("d")
            if dense:
                model = f"{name[:3]} of Table III"
            elif name == "III":
                model, network = "MULT of Table III", "mult"
            of_fusion = network == "fusion"
            yield Claim(
                model + training,
                tuple(round(float(x) / 100, 5) if percent else float(x) for x in columns),
                network,
                strategy=strategy,
                fill=fill,
                options={"kind": kind.lower(), "dense": dense} if of_fusion else {},
                size={"heads": heads} if of_fusion else {},
                loss=loss,
            )


CLAIMS: ClaimsOfPaper = {
    RAVDESS: tuple(_claims(0, percent=True)),
    MOSEI_ACCURACY: tuple(_claims(4, percent=True)),
    MOSEI_ERROR: tuple(_claims(8)),
}
