"""Training, evaluation and extraction as a GPU would have them, rehearsed without one."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import Adam

from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface.network import Origin, VGGFaceFC6, compute_fc6, prepare
from features.extractors.vggface.streaming import FC6Batch
from models.ablation.registry import STRATEGIES
from models.evaluation.causal import predict_causally
from models.evaluation.conditions import Condition, all_conditions, runs_under
from models.evaluation.evaluator import evaluate, on_device
from models.evaluation.fillers import Fillers, Gallery
from models.evaluation.registry import metrics_of
from models.evaluation.shared import Shared
from models.networks import smoother
from models.networks.recogniser import Recogniser
from models.networks.registry import NETWORKS
from models.settings import (
    Ablation,
    ConditionGrid,
    EvaluateSettings,
    Modality,
    NetworkSize,
    Precision,
    TrainSettings,
)
from models.settings.evaluation import FILLS
from models.training import optimisation
from models.training.batch import Batch
from models.training.batches import lose
from models.training.checkpoint import State
from models.training.data import ClipData
from models.training.objective import Objective
from models.training.teaching import Teachers
from models.training.trainer import Step, phases_of, train
from tests.helpers import network_cases
from tests.helpers.network_cases import FEATURES, FORMS, TASKS, VARIANTS, Case, labelled_batch
from tests.helpers.planted import planted_stores
from tests.helpers.project import ROOT
from tests.helpers.rehearsal import META, OnDevice, WaitsError, read_backs

CPU = torch.device("cpu")
SIZE = NetworkSize(dim=8, heads=2, ffn=8, layers=1, dropout=0.1)
BOTH: tuple[Modality, ...] = ("audio", "video")
SMALL = Case("smoother", BOTH, presence="marked", repeats="missing")
"""The network that losses are shown to: of the fewest operations, and it tells repeats."""


def _is_rehearsed(case: Case) -> bool:
    """Every network in every presence form, and with all its options in one."""
    is_default = dict(case.options) == VARIANTS.get(case.network, [{}])[0]
    if case.modalities != BOTH:
        return is_default and case.modalities == ("video",) and case.repeats == "shown"
    return is_default or (case.presence, case.repeats) == ("ignored", "shown")


CASES = [case for case in FORMS if _is_rehearsed(case)]
NETWORKS_ONCE = [
    case
    for case in CASES
    if case.presence == "ignored" and dict(case.options) == VARIANTS.get(case.network, [{}])[0]
    if len(case.modalities) == max(NETWORKS[case.network].modalities)
]
"""Every network with the options that it has by default, of as many modalities as it takes."""


def ablations() -> Iterator[Ablation]:
    """Every strategy, in every unit and with every filling that it has."""
    for name, row in STRATEGIES.items():
        settings: dict[str, Any] = {"strategy": name}
        if "modality" in row.uses:
            settings["modality"] = "video" if row.faces else "either"
        for unit in ("window", "signal") if "unit" in row.uses else ("window",):
            for fill in ("hard", "soft", "noise") if "fill" in row.uses else ("hard",):
                yield Ablation(**settings, unit=unit, fill=fill)


def shown_to(ablation: Ablation) -> Case:
    """A network that shows what the strategy needs: SMALL if it will do."""
    needs = set(STRATEGIES[ablation.strategy].needs)
    able = (case for case in NETWORKS_ONCE if needs <= set(NETWORKS[case.network].shows))
    return next(able) if needs else SMALL


CONDITIONS = all_conditions(
    EvaluateSettings(
        conditions=[
            *(
                ConditionGrid(
                    strategy=name,
                    modality=["video" if row.faces else "both"],
                    p=[0.5],
                    unit=unit,
                )
                for name, row in STRATEGIES.items()
                if row.condition
                for unit in ("window", "signal")
            ),
            *(
                ConditionGrid(strategy="frame_zero", modality=["both"], p=[0.5], fill=fill, unit=u)
                for fill in FILLS
                for u in ("window", "signal")
                if fill != "none" and (fill, u) != ("neighbours", "signal")
            ),
            ConditionGrid(strategy="frame_zero", modality=["together"], p=[0.5], drawn="once"),
        ]
    )
)
"""Every strategy that is a condition, every filling and every unit."""


@pytest.fixture(scope="module", autouse=True)
def as_a_gpu_would() -> Iterator[None]:
    """What neither torch's `meta` device nor a test of seconds has.

    Fused Adam and autocast know no `meta` device.
    """
    autocast = torch.autocast

    def of_device(device: str, *args: Any, **named: Any) -> Any:
        return nullcontext() if device == "meta" else autocast(device, *args, **named)

    def adam(parameters: Sequence[torch.nn.Parameter], **how: Any) -> Adam:
        way = {"fused": False, "foreach": True} if parameters[0].device == META else {}
        return Adam(parameters, **(how | way))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_cases, "SIZE", SIZE)
        patch.setattr(optimisation, "Adam", adam)
        patch.setattr(smoother.torch, "autocast", of_device)
        yield


def take_step(
    case: Case,
    device: torch.device,
    task: str = "frames",
    ablation: Ablation | None = None,
    *,
    precision: Precision = "fp32",
    teachers: Teachers | None = None,
    **settings: Any,
) -> torch.Tensor:
    """One step of each phase of a training, on a batch that goes to the device."""
    network = on_device(case.build(task), device).train()
    modality = "either" if case.modalities == BOTH else case.modalities[0]
    ablation = ablation or Ablation(strategy="frame_zero", modality=modality)
    how = TrainSettings(**settings)
    objective = Objective(network, TASKS[task], None, teachers, how.within_speaker)
    state = State(network, how, phases_of(network, ablation, objective), chooses=False)
    lossy, total = lose(batch_of(task).to(device), ablation, (0, "train", 0)), torch.zeros(())
    for phase in range(len(state.phases)):
        if phase:
            state._begin(phase)
        # Lightning knows no `meta` device, and moves nothing.
        total = Step(state, precision, CPU, 0).take(lossy)
    return total


def answer(case: Case, device: torch.device, conditions: Sequence[Condition]) -> torch.Tensor:
    """The predictions under some conditions, on a batch that goes to the device."""
    network = on_device(case.build(), device).eval()
    vectors = {m: torch.randn(9, width) for m, width in FEATURES.items()}
    fillers = Fillers({m: x.mean(0) for m, x in vectors.items()}, Gallery.of(vectors)).to(device)
    with torch.inference_mode():
        shared = Shared(network, batch_of("frames").to(device), 0, fillers)
        return shared.predict(runs_under(conditions, 1))


def batch_of(task: str) -> Batch:
    """Four short clips, some frames of which are missing."""
    return replace(labelled_batch(task, frames=6), blank=torch.randn(FEATURES["video"]))


def teach(device: torch.device, task: str) -> torch.Tensor:
    """A step with a teacher of each modality, of which some clips lose the other."""
    teachers: dict[Modality, Recogniser] = {}
    for m in BOTH:
        teachers[m] = on_device(Case("unimodal", (m,)).build(task), device)
    losing = Ablation(strategy="clip_zero", modality="either")
    return take_step(SMALL, device, task, losing, teachers=Teachers(teachers, 0.5))


RANDOM = VGGFaceSettings(modality="video", extractor="vggface", weights="random")


def narrow_network(device: torch.device) -> VGGFaceFC6:
    """VGG-Face with a 32nd of its channels."""
    return prepare(VGGFaceFC6(Origin("none", "rgb"), width=1 / 32), device, torch.float32)


def describe(device: torch.device) -> torch.Tensor:
    """fc6 of two crops."""
    crops = torch.zeros(2, 32, 32, 3, dtype=torch.uint8).to(device)
    return compute_fc6(narrow_network(device), crops, RANDOM)


SOME = [Condition("both", strategy, 0.5) for strategy in ("frame_zero", "clip_zero")]
HOW = {
    "sgd": {"optimizer": "sgd", "weight_decay": 0.1, "clip_norm": 0.5},
    "average": {"average": 0.9, "within_speaker": 1.0},
}

REHEARSED: dict[str, Callable[[torch.device], Iterator[torch.Tensor]]] = {
    "networks": lambda device: (take_step(case, device) for case in CASES),
    "sequences": lambda device: (take_step(case, device, "classes") for case in NETWORKS_ONCE),
    "strategies": lambda device: (
        take_step(shown_to(ablation), device, "frames", ablation) for ablation in ablations()
    ),
    "optimisation": lambda device: (take_step(SMALL, device, **how) for how in HOW.values()),
    "teachers": lambda device: (teach(device, task) for task in ("frames", "classes")),
    "answers": lambda device: (answer(case, device, SOME) for case in NETWORKS_ONCE),
    "conditions": lambda device: iter([answer(SMALL, device, CONDITIONS)]),
    "fc6": lambda device: iter([describe(device)]),
}
"""What is rehearsed on both."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set:
    """Where numbers are read back, in all that a GPU does."""
    without = torch.backends.mkldnn.flags(enabled=False)  # it has bf16 on some processors alone
    with without, read_backs() as places:
        for rehearsed in REHEARSED.values():
            for result in rehearsed(CPU):
                assert result.isfinite().all()
        for case in NETWORKS_ONCE:
            take_step(case, CPU, precision="bf16")
        train_and_evaluate(tmp_path_factory.mktemp("c"))
        batch = FC6Batch(narrow_network(CPU), RANDOM, (2, 32, 32, 3))
        batch.start()
        batch.finish()
    return places


def train_and_evaluate(folder: Path) -> None:
    """An epoch with all that surrounds it, and an evaluation."""
    stores = planted_stores(folder, items=2, frames=30, clip_frames=12, missing=0.2)
    data = ClipData(*stores, ["item-0", "item-1"], preload_bytes=1 << 30)
    widths = (data.features["audio"], data.features["video"])
    network = replace(SMALL, features=widths).build()
    settings = TrainSettings(epochs=1, batch_clips=3, precision="fp32", average=0.9)
    train(
        network,
        data,
        data,
        Ablation(strategy="frame_zero"),
        settings,
        metric="ccc",
        seed=0,
        checkpoint=folder / "c.state",
        device=CPU,
    )
    metrics, runs = metrics_of(data.task), runs_under(SOME, 1)
    evaluate(network, data, runs, metrics=metrics, seed=0, device=CPU, batch_clips=4)
    predict_causally(network, data, CPU, 4)


def reasons() -> dict[str, str]:
    """The places where numbers are read back, `module:function`, and the reason of each."""
    text = (ROOT / "docs/clusters.md").read_text()
    return dict(re.findall(r"^\| `([\w.]+:[\w.<>]+)` \| (.+) \|$", text, re.MULTILINE))


def test_the_docs_give_a_reason_for_every_read_back(found: set) -> None:
    assert sorted(reasons()) == sorted(found)


@pytest.mark.parametrize("what", REHEARSED)
def test_nothing_waits_and_nothing_is_left_behind(what: str) -> None:
    with OnDevice() as watched:
        for result in REHEARSED[what](META):
            assert result.device == META
    assert watched.copies <= TO_DEVICE | {None}


TO_DEVICE = {
    "models.training.batch:Tensors.to.<lambda>",
    "models.evaluation.evaluator:on_device",
    "features.extractors.vggface.network:prepare",
    "models.training.checkpoint:State.__init__",
}
"""Where tensors go to the device: batches, what is made once for an evaluation, and modules."""


def test_what_waits_is_found() -> None:
    x = torch.zeros(3, device=META)
    for waits in (
        lambda: x[x > 0],
        lambda: float(x.sum()),
        lambda: x + torch.zeros(3),
        x.nonzero,
    ):
        with OnDevice(), pytest.raises(WaitsError):
            waits()
