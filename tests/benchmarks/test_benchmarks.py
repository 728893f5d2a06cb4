import math
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from features.extractors.vggface.network import Origin, VGGFaceFC6
from features.task import Task
from models.evaluation.conditions import grid, runs_under
from models.evaluation.evaluator import evaluate
from models.evaluation.registry import metrics_of
from models.networks.build import build
from models.settings import EvaluateSettings, Modality, ModelSettings, NetworkSize
from tests.benchmarks import flops, recognition
from tests.benchmarks.__main__ import table
from tests.benchmarks.gpu import gpu
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.recognition import context
from tests.benchmarks.stages import Project, run_corpus
from tests.benchmarks.timing import compare
from tests.helpers.media_factory import flat_frames, make_video
from tests.helpers.network_cases import masks_of


def test_the_cheapest_benchmark_gives_finite_positive_ratios(tmp_path: Path) -> None:
    rows = context(Inputs(tmp_path))
    assert all(math.isfinite(row.ratio) and row.low > 0 for row in rows)
    assert all(row.low <= row.ratio <= row.high for row in rows)
    assert len(table(rows).splitlines()) == 2 + len(rows)


def test_without_a_gpu_the_table_says_that_nothing_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    _, _, *lines = table(gpu(Inputs(tmp_path))).splitlines()
    assert len(lines) == 4
    assert all("| not measured | | |" in line for line in lines)


def test_the_ratio_is_of_speeds_within_a_repeat() -> None:
    ours = iter([9.0, 2.0, 4.0, 8.0])  # the first of each only warms up
    theirs = iter([9.0, 1.0, 1.0, 4.0])
    row = compare(
        "", "", lambda: next(ours), lambda: next(theirs), amount=8, unit="frames/s", repeats=3
    )
    assert (row.ratio, row.low, row.high) == (0.5, 0.25, 0.5)
    assert (row.measured, row.reference) == (2.0, 8.0)


def test_a_project_runs_stages_and_says_why_one_fails(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    project.add(make_video(tmp_path / "clip.mp4", flat_frames(3)))
    project.run(run_corpus)
    assert (project.folder / "data" / "corpus" / "items.parquet").exists()
    (project.videos / "text.mp4").write_text("no video")
    with pytest.raises(RuntimeError, match="1 items failed"):
        project.run(run_corpus)


def test_fc6_operations_are_those_torch_counts() -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        VGGFaceFC6(Origin("random", "rgb"))(torch.zeros(1, 3, 96, 96))
    assert flops.fc6_flops(96) == counter.get_total_flops()


@pytest.mark.parametrize("layers", [1, 2])
def test_step_operations_are_those_torch_counts(layers: int) -> None:
    features: dict[Modality, int] = {"audio": 30, "video": 20}
    size = NetworkSize(dim=16, heads=4, ffn=24, layers=layers, dropout=0.0)
    network = build(ModelSettings(), features, size, Task())
    inputs = {name: torch.zeros(3, 10, width) for name, width in features.items()}
    # Torch counts no operations of its fused attention on a CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(inputs, masks_of(torch.ones(3, 10, dtype=torch.bool))).fused.sum().backward()
    assert flops.step_flops(3, 10, 50, size, targets=2) == counter.get_total_flops()


def test_conditions_together_take_3_5_times_fewer_operations(
    tmp_path: Path,
) -> None:
    data = Inputs(tmp_path).clips(1)
    network = build(ModelSettings(), data.features, NetworkSize(), data.task).eval()
    runs = runs_under(grid(EvaluateSettings()), recognition.TRIALS)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as together:
        evaluate(
            network,
            data,
            runs,
            metrics=metrics_of(data.task),
            seed=0,
            device=torch.device("cpu"),
            batch_clips=1,
        )
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as alone:
        recognition.one_by_one(network, data.task, data.batch([0]), runs)
    assert alone.get_total_flops() >= 3.5 * together.get_total_flops()
