"""PAPERS: whose numbers stand beside a run's, a row and a module each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.tables import Row, Table
from features.task import Task
from reports.papers.claim import Benchmark, Claim, ClaimsOfPaper


@dataclass(frozen=True, kw_only=True)
class Paper(Row):
    """A paper.

    Attributes:
        code: its numbers, a `ClaimsOfPaper`.
        title: authors, title and year.
        letter: what it is called in tables.
        corpora: rows of CORPORA that it reports.
        exhibits: its figures and further tables, a function of `exhibits.Measured`.
        detector: of faces; empty where there are no pictures.
        weights: of the network that describes faces.
        counted: `outputs`, `audio` and `video`: how many classes and numbers a frame the networks
            have whose parameters it counts; empty where it counts none.
    """

    letter: str
    corpora: tuple[str, ...]
    exhibits: str
    detector: str
    weights: str
    counted: tuple[tuple[str, int], ...] = ()

    def exhibited(self) -> Any:
        """The function that makes its figures and further tables."""
        return Row(code=self.exhibits).load()


PAPERS = Table(
    "paper",
    {
        "parthasarathy2020": Paper(
            code="reports.papers.parthasarathy2020:CLAIMS",
            letter="P",
            exhibits="reports.papers.exhibits:of_parthasarathy2020",
            detector="SSD",
            weights="VGG-Face",
            corpora=("affwild2",),
            title="S. Parthasarathy and S. Sundaram, “Training Strategies to Handle Missing "
            "Modalities for Audio-Visual Expression Recognition” (2020)",
        ),
        "parthasarathy2021": Paper(
            code="reports.papers.parthasarathy2021:CLAIMS",
            letter="D",
            exhibits="reports.papers.exhibits:of_parthasarathy2021",
            detector="SSD",
            weights="VGG-Face",
            corpora=("affwild2",),
            title="S. Parthasarathy and S. Sundaram, “Detecting Expressions with Multimodal "
            "Transformers” (2021)",
        ),
        "goncalves2022": Paper(
            code="reports.papers.goncalves2022:CLAIMS",
            letter="G",
            exhibits="reports.papers.exhibits:of_goncalves2022",
            detector="MTCNN",
            weights="VGG-Face, fine-tuned on AffectNet",
            counted=(("outputs", 4), ("audio", 130), ("video", 4096)),
            corpora=("cremad", "msp_improv"),
            title="L. Goncalves and C. Busso, “Robust Audiovisual Emotion Recognition: Aligning "
            "Modalities, Capturing Temporal Information, and Handling Missing Features” (2022)",
        ),
        "chumachenko2022": Paper(
            code="reports.papers.chumachenko2022:CLAIMS",
            letter="C",
            exhibits="reports.papers.exhibits:of_chumachenko2022",
            detector="MTCNN",
            weights="EfficientFace of AffectNet, trained on with the rest",
            corpora=("ravdess", "cmu_mosei"),
            title="K. Chumachenko, A. Iosifidis and M. Gabbouj, “Self-attention fusion for "
            "audiovisual emotion recognition with incomplete data” (2022)",
        ),
    },
)

PaperClaim = tuple[Paper, Claim]


def claims_of(task: Task) -> Mapping[Benchmark, Sequence[PaperClaim]]:
    """The papers' numbers of a task by benchmark; none for a task that the papers do not have.

    >>> [benchmark.title for benchmark in claims_of(Task())]
    ['CCC on Aff-Wild2']
    """
    tables: dict[Benchmark, list[PaperClaim]] = {}
    for paper in PAPERS.values():
        claims: ClaimsOfPaper = paper.load()
        for benchmark, rows in claims.items():
            if benchmark.is_of(task):
                tables.setdefault(benchmark, []).extend((paper, claim) for claim in rows)
    return tables
