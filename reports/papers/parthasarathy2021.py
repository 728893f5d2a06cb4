"""Parthasarathy and Sundaram 2021: transformers against recurrent networks."""

from reports.papers.claim import AUDIO, VIDEO, Claim, ClaimsOfPaper
from reports.papers.parthasarathy2020 import AFF_WILD2, PLAIN

_PRETRAINED = "pretrained on Aff-Wild"

CLAIMS: ClaimsOfPaper = {
    AFF_WILD2: (
        Claim("proposed (A+V)", (0.396, 0.525), "crossmodal", options=PLAIN),
        Claim("proposed (V)", (0.381, 0.489), "unimodal", VIDEO),
        Claim("VGGFace-RNN (A+V)", (0.344, 0.506), "recurrent"),
        Claim(f"VGGFace-RNN (V), {_PRETRAINED} and retrained", (0.379, 0.481), "recurrent", VIDEO),
        Claim("RNN (A)", (0.105, 0.168), "recurrent", AUDIO),
        *(
            Claim(
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
            f"AffWildNet dynamic (V), {_PRETRAINED}",
            (0.315, 0.357),
            "affwildnet",
            VIDEO,
            options={"dynamic": True},
        ),
    )
}
