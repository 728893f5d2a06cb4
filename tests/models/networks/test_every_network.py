"""What holds of every network of the registry, in every form."""

from dataclasses import replace

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import nn

from models.ablation.frame_map import FrameMap, Lost
from models.networks.registry import NETWORKS
from models.settings import Modality
from models.training.losses import total_loss
from models.training.objective import Objective
from models.training.phases import Lossy
from tests.helpers.network_cases import (
    CASES,
    FEATURES,
    FORMS,
    TASKS,
    Case,
    Clips,
    aware,
    clips_of_any_length,
    labelled_batch,
    lengths_mask,
    masks_of,
    random_inputs,
    random_present,
)

quickly = settings(max_examples=2, deadline=None, phases=set(Phase) - {Phase.explain})


def test_every_network_of_the_registry_is_tested() -> None:
    assert {case.network for case in CASES} == set(NETWORKS)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("case", FORMS, ids=str)
@quickly
@given(clips=clips_of_any_length)
def test_padding_and_company_change_nothing(case: Case, clips: Clips, task: str) -> None:
    network, per_frame = case.evaluated(task), TASKS[task].level == "frame"
    together = network(clips.inputs, masks_of(clips.mask), clips.present).fused
    count = len(clips.lengths)
    frames = clips.mask.shape[1] if per_frame else 1
    assert together.shape == (count, frames, len(TASKS[task].outputs))
    for clip, length in enumerate(clips.lengths):
        alone = network(*clips.alone(clip)).fused[0]
        padded = together[clip, :length] if per_frame else together[clip]
        assert torch.allclose(padded, alone, atol=1e-5)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_outside_training_targets_are_within_the_labels_range(case: Case, task: str) -> None:
    network, mask = case.evaluated(task), lengths_mask([4, 3])
    x = {modality: 50 * part for modality, part in random_inputs(2, 4).items()}
    with torch.inference_mode():
        encoded = {
            m: network.perceive(m, network.receive(m, x[m], mask, mask)) for m in network.modalities
        }
        free = network.fuse(encoded).fused
        kept = network.answer(encoded).fused
        assert torch.equal(kept, network(x, masks_of(mask)).fused)
    described = TASKS[task]
    if described.kind == "classification":
        assert torch.equal(kept, free)
    else:
        assert torch.equal(kept, free.clamp(described.low, described.high))
    assert torch.equal(network.range.train()(free), free)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("case", CASES + aware(("marked", "shown")), ids=str)
def test_a_gradient_reaches_every_parameter(case: Case, task: str) -> None:
    # Of 8 frames imder's lowest level has one, among which no attention is to be learnt; of four
    # clips one has all, whose answer alone no correlation can be learnt from.
    network, batch = case.build(task), labelled_batch(task, clips=6, frames=12)
    lost = {}
    for clip, m in enumerate(case.modalities, start=2):
        empty = torch.zeros_like(batch.mask)
        empty[clip] = True
        lost[m] = Lost(FrameMap(batch.draws().index, empty))
    lossy = Lossy(batch, batch.inputs(), lost)
    for phase in network.phases(Objective(network, TASKS[task])):
        phase.begin()
        for update in phase.updates:
            seen = replace(lossy, lost={}) if update.complete else lossy
            outputs = network(batch.inputs(), batch.masks(), batch.received(), seen.lost)
            update.loss(outputs, seen).backward()
    without = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert without == []


LEARNT = [(case, task) for case in CASES for task in TASKS] + [
    (case, task)
    for case in aware(("marked", "shown"), ("filled", "shown"))
    for task in ("frames", "sentiment")
]


@pytest.mark.parametrize(("case", "task"), LEARNT, ids=str)
def test_one_batch_can_be_learnt_by_heart(case: Case, task: str) -> None:
    network, batch = case.build(task), labelled_batch(task)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    inputs, there = batch.inputs(), random_present(*batch.mask.shape, seed=2, p=0.8)
    for present in there.values():
        present[:, -1] = True  # it may be what stands for a sequence
    # At the higher rate a pre-norm network of several losses can stay where it began.
    rate = 3e-3 if case.network == "auxformer" else 1e-2
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    losses: list[float] = []
    while not losses or losses[-1] > 0.1 * losses[0]:
        assert len(losses) < 100, losses
        loss = total_loss(network, TASKS[task], network(inputs, masks_of(batch.mask), there), batch)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("case", [c for c in CASES if not NETWORKS[c.network].pictures], ids=str)
@settings(max_examples=2, deadline=None)
@given(audio=st.integers(1, 40), video=st.integers(1, 40))
def test_features_may_have_any_dimension(case: Case, audio: int, video: int, task: str) -> None:
    small = Case(case.network, case.modalities, case.options, features=(audio, video))
    network, mask = small.build(task).eval(), lengths_mask([5, 2])
    x = {"audio": torch.randn(2, 5, audio), "video": torch.randn(2, 5, video)}
    outputs = network(x, masks_of(mask)).fused
    assert outputs.shape == (2, 5 if task == "frames" else 1, len(TASKS[task].outputs))
    assert outputs[mask if task == "frames" else ...].isfinite().all()


@pytest.mark.parametrize("case", CASES + aware(("marked", "shown")), ids=str)
def test_one_seed_makes_one_network(case: Case) -> None:
    one, same, other = (case.build(seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_modalities_that_are_not_named_are_not_seen(case: Case) -> None:
    network, mask, x = case.evaluated(), lengths_mask([6, 4]), random_inputs(2, 6)
    expected = network(x, masks_of(mask)).fused[mask]
    for modality in FEATURES:
        changed = network({**x, modality: x[modality].flip(1)}, masks_of(mask)).fused[mask]
        assert torch.equal(changed, expected) == (modality not in case.modalities)


@pytest.mark.parametrize(
    ("case", "modality"), [(case, m) for case in CASES for m in case.modalities], ids=str
)
def test_projection_is_affine_and_of_single_frames(case: Case, modality: Modality) -> None:
    """What evaluation rests on: it ablates projections instead of inputs."""
    network = case.build().eval().double()
    x, y = (random_inputs(2, 6, seed)[modality].double() for seed in (1, 2))

    def project(features: torch.Tensor) -> torch.Tensor:
        return network.project(modality, features)

    nothing = network.nothing(modality).expand_as(project(x))
    assert torch.allclose(project(torch.zeros_like(x)), nothing)
    mixed = 0.3 * project(x) + 0.9 * project(y) - 0.2 * nothing
    assert torch.allclose(project(0.3 * x + 0.9 * y), mixed)
    order = torch.tensor([3, 3, 0, 5, 1, 1])
    assert torch.allclose(project(x[:, order]), project(x)[:, order])


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_steps_shared_by_evaluation_are_those_of_a_pass(case: Case) -> None:
    network, mask, x = case.evaluated(), lengths_mask([6, 4]), random_inputs(2, 6)
    streams = {
        m: network.perceive(m, network.receive(m, x[m], mask, mask)).repeated(2)
        for m in case.modalities
    }
    twice = network.answer(streams).fused
    assert torch.allclose(twice, network(x, masks_of(mask)).fused.repeat(2, 1, 1), atol=1e-5)


@pytest.mark.parametrize("case", FORMS, ids=str)
def test_copies_of_samples_are_those_of_their_features(case: Case) -> None:
    network, mask, x = case.evaluated(), lengths_mask([6, 4]), random_inputs(2, 6)
    mask = mask.repeat(2, 1)
    present = {m: mask & (torch.rand(4, 6) < 0.7) for m in case.modalities}
    empty = {m: mask & (torch.rand(4, 6) < 0.5) for m in case.modalities}
    lost = {m: Lost(FrameMap(torch.arange(6).repeat(4, 1), empty[m])) for m in case.modalities}
    whole = {m: features.repeat(2, 1, 1) for m, features in x.items()}
    found = network(x, masks_of(mask), present, lost).fused
    assert torch.allclose(found, network(whole, masks_of(mask), present, lost).fused, atol=1e-5)
