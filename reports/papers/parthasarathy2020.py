"""Parthasarathy and Sundaram 2020: valence and arousal, and what training with losses does."""

from reports.papers.claim import AUDIO, VIDEO, Benchmark, Claim, ClaimsOfPaper

AFF_WILD2 = Benchmark(
    "CCC on Aff-Wild2",
    columns=("Valence", "Arousal"),
    measured=("valence", "arousal"),
    kind="regression",
    level="frame",
)
PLAIN = {"auxiliary": 0}
"""Crossmodal without the heads that are Lacuna's own."""
FIGURES = {"audio": 3, "video": 4}
"""The paper's figures of what a modality's losses cost."""

CLAIMS: ClaimsOfPaper = {
    AFF_WILD2: (
        Claim("baseline", (0.393, 0.522), "crossmodal", options=PLAIN),
        *(
            Claim("baseline", values, "crossmodal", options=PLAIN, loss=("video", strategy, 0.95))
            for strategy, values in {
                "frame_zero": (0.113, 0.235),
                "frame_repeat": (0.285, 0.410),
            }.items()
        ),
        Claim("video only", (0.381, 0.489), "unimodal", VIDEO),
        Claim("audio only", (-0.060, 0.284), "unimodal", AUDIO),
    )
}
