import errno
import json
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from features.extractors import items as extractor_items
from features.extractors import together as describing
from features.extractors.crops import VideoSource
from features.extractors.failures import NetworkFailedError
from features.extractors.settings import CropsSettings, VGGFaceSettings
from features.extractors.vggface import extractor, loading
from features.extractors.vggface.network import MEAN_RGB, Origin, VGGFaceFC6, prepare
from features.extractors.vggface.weights import random_weights
from features.hashes import hash_of
from features.stores.assembling import assemble
from features.stores.store import open_store
from features.stores.streams import open_stream
from features.stores.writing import FinishedItem, new_item
from pipeline import extract
from pipeline.engine.cache import Cache
from pipeline.engine.execution import ExecutionSettings
from pipeline.engine.jobs import Job, StageFailedError, cached
from pipeline.extraction import together
from pipeline.prediction import clips

LENGTHS = {"long": 40, "empty": 0, "one": 1, "faceless": 9, "short": 7}
SETTINGS = VGGFaceSettings(precision="fp32", batch_size=8)


@pytest.fixture(scope="module")
def network():
    return prepare(random_weights(0, width=1 / 16), "cpu", torch.float32)


@pytest.fixture
def loaded(monkeypatch, network):
    """Gives the stage a small network; counts how often it asks for one."""
    calls = []
    monkeypatch.setattr(extractor, "load_vggface", lambda *of: (calls.append(of), network)[1])
    extractor_items._loaded.cache_clear()
    yield calls
    extractor_items._loaded.cache_clear()


@pytest.fixture
def execution(tmp_path):
    return ExecutionSettings(workers=1, cache=str(tmp_path / "cache"))


def make_store(folder, items):
    """A faces store of items: name to crops, whether they show faces, key."""
    for name, (crops, present, _) in items.items():
        with new_item(folder / name, {}) as writer:
            writer.rows("crops", crops.shape, crops.dtype).append(crops)
            writer.write("present", present)
            writer.write("times", np.arange(len(present)) / 30)
    keys = {name: key for name, (*_, key) in items.items()}
    assemble(folder / "faces.zarr", {name: folder / name for name in items}, {}, keys)
    return open_store(folder / "faces.zarr", stage="faces")


def make_items():
    rng = np.random.default_rng(0)
    items = {
        name: (
            rng.integers(0, 256, (length, 4, 4, 3), np.uint8).repeat(8, 1).repeat(8, 2),
            rng.random(length) < (0 if name == "faceless" else 0.8),
            f"key of {name}",
        )
        for name, length in LENGTHS.items()
    }
    items["again"] = items["short"]  # the same content
    return items


@pytest.fixture
def faces(tmp_path):
    return make_store(tmp_path, make_items())


def features(results, folder):
    """Rows of every item, by way of the stream's store."""
    assemble(folder / "stream.zarr", results, {"settings": {}})
    store = open_stream(folder / "stream.zarr")
    return {name: store.rows(name)[:] for name in results}


def content(results):
    return {
        name: {f: (result / f).read_bytes() for f in (*result.row.kept, *result.row.small)}
        for name, result in results.items()
    }


def run(faces, execution, names=None, settings=SETTINGS):
    results, keys = together.run_together(
        list(names or faces.items), faces, settings, "cpu", execution
    )
    assert set(keys) == set(results)
    return results


# ------------------------------------------------------------------ results


def test_every_item_is_what_it_is_alone(tmp_path, faces, execution, loaded):
    found = features(run(faces, execution), tmp_path)
    assert set(found) == {*LENGTHS, "again"}
    for name, values in found.items():
        source, steps = VideoSource(faces, name), []
        present = source.present
        assert values.shape == (len(present), 256)
        np.testing.assert_array_equal(values.any(axis=1), present)
        out = tmp_path / f"alone-{name}"
        describing.describe_faces(SETTINGS, faces, name, "cpu", out, steps.append)
        np.testing.assert_array_equal(features({name: out}, tmp_path)[name], values)
        assert sum(steps) == len(present)


def test_equal_items_are_computed_once(faces, execution, loaded, monkeypatch):
    made = []
    monkeypatch.setattr(
        together, "write", lambda *given, of=together.write: (made.append(given), of(*given))
    )
    results = run(faces, execution)
    assert results["again"] == results["short"]
    assert len(made) == len(LENGTHS)


def test_without_work_no_network_is_loaded(faces, execution, loaded):
    first = run(faces, execution)
    assert len(loaded) == 1
    assert run(faces, execution) == first
    assert len(loaded) == 1


def test_progress_counts_frames(faces, execution, loaded):
    steps = []

    @contextmanager
    def progress(_title, unit, total):
        assert (unit, total) == ("frames", sum(LENGTHS.values()))
        yield steps.append

    sources = {f"{name:064}": VideoSource(faces, name) for name in LENGTHS}
    cache = Cache(execution.cache_folder)
    together.compute(cache, sources=sources, settings=SETTINGS, device="cpu", progress=progress)
    assert sum(steps) == sum(LENGTHS.values())
    assert max(steps) <= SETTINGS.batch_size


def test_chunks_of_any_size_have_the_same_rows(tmp_path, faces, execution, loaded, monkeypatch):
    whole = content(run(faces, execution))
    monkeypatch.setattr(together, "CHUNK_FRAMES", {"cpu": (1, 8)})
    names = list(LENGTHS)
    sources = {name: VideoSource(faces, name) for name in names}
    jobs = together.chunks(sources, SETTINGS, "cpu", execution)
    assert len(jobs) > 2
    assert [key for job in jobs for key in job.keys] == names
    assert sum(job.size for job in jobs) == sum(LENGTHS.values())
    other = execution.model_copy(update={"cache": str(tmp_path / "other")})
    assert content(run(faces, other)) == whole


@pytest.mark.parametrize("begun", [["short"], ["one", "long"], ["faceless", "empty", "short"]])
def test_results_are_the_same_bits_after_an_interrupted_run(tmp_path, faces, loaded, begun):
    undisturbed = run(faces, ExecutionSettings(cache=str(tmp_path / "a")))
    other = ExecutionSettings(cache=str(tmp_path / "b"))
    run(faces, other, begun)
    assert content(run(faces, other)) == content(undisturbed)


# ------------------------------------------------------------------ failures


def test_a_damaged_item_is_named_and_the_others_are_done(tmp_path, faces, execution, loaded):
    place = faces.items.index("long") - 1  # before it one item has no rows
    shard = tmp_path / f"faces.zarr/crops/c.{place}.0.0.0"
    good = shard.read_bytes()
    shard.unlink()  # else the link to it would be damaged as well
    shard.write_bytes(good[:100] + bytes(100) + good[200:])
    with pytest.raises(StageFailedError) as caught:
        run(faces, execution)
    [failure] = caught.value.failures
    assert failure.name == "long"
    assert "crops of long is damaged" in failure.reason
    assert caught.value.done == len(LENGTHS)
    shard.write_bytes(good)
    assert len(run(faces, execution)) == len(LENGTHS) + 1
    assert len(loaded) == 1


def test_an_item_whose_key_is_lost_is_named(faces, execution, loaded):
    del faces.attributes["keys"]["one"]
    with pytest.raises(StageFailedError) as caught:
        run(faces, execution)
    assert [failure.name for failure in caught.value.failures] == ["one"]
    assert caught.value.done == len(LENGTHS)


def test_overflow_fails_the_items_that_it_is_in(tmp_path, execution, loaded, network):
    mean = np.array(MEAN_RGB).round().astype(np.uint8)
    plain = np.tile(mean, (3, 32, 32, 1))  # next to nothing after preprocessing
    noise = np.random.default_rng(0).integers(0, 256, plain.shape, np.uint8)
    shown = np.ones(3, bool)
    faces = make_store(
        tmp_path,
        {"a": (plain, shown, "a"), "b": (noise, shown, "b"), "c": (plain, shown, "c")},
    )
    before = network.classifier[0].weight.clone()
    network.classifier[0].weight.mul_(65504)
    try:
        with pytest.raises(StageFailedError) as caught:
            run(faces, execution)
    finally:
        network.classifier[0].weight.copy_(before)
    assert [failure.name for failure in caught.value.failures] == ["b"]
    assert "not finite in 16 bits" in caught.value.failures[0].reason


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("odd"), ValueError("odder")])
def test_whatever_goes_wrong_with_an_item_is_its_own(faces, execution, loaded, monkeypatch, error):
    def reading(source, of=VideoSource.crops):
        yield from of(source)
        if source.item == "long":
            raise error

    monkeypatch.setattr(VideoSource, "crops", reading)
    with pytest.raises(StageFailedError) as caught:
        run(faces, execution)
    [failure] = caught.value.failures
    assert failure.name == "long"
    assert ("memory" if isinstance(error, MemoryError) else str(error)) in failure.reason
    assert caught.value.done == len(LENGTHS)


OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 20 GiB.\nGPU 0 has a total of 8 GiB."


@pytest.mark.parametrize(
    "where",
    [
        "features.extractors.vggface.streaming.compute_fc6",
        "features.extractors.vggface.extractor.load_vggface",
    ],
)
def test_a_failure_of_the_network_is_one_sentence(faces, execution, monkeypatch, loaded, where):
    def failing(*_):
        raise torch.OutOfMemoryError(OUT_OF_MEMORY)

    monkeypatch.setattr(where, failing)
    with pytest.raises(NetworkFailedError) as caught:
        run(faces, execution)
    assert str(caught.value) == (
        "VGG-Face failed on cpu (OutOfMemoryError: CUDA out of memory. Tried to allocate 20 GiB.); "
        "lower the stream's batch_size where memory ran out, or set execution.device to cpu"
    )


def test_what_was_done_before_the_network_failed_is_kept(faces, execution, loaded, monkeypatch):
    from features.extractors.vggface.streaming import compute_fc6

    batches = []

    def breaking(*of):
        batches.append(1)
        if len(batches) == 3:
            raise RuntimeError("CUDA error")
        return compute_fc6(*of)

    monkeypatch.setattr("features.extractors.vggface.streaming.compute_fc6", breaking)
    before = set(threading.enumerate())
    with pytest.raises(NetworkFailedError):
        run(faces, execution, ["one", "short", "long"])
    assert len(list(Cache(execution.cache_folder).entries())) == 2
    # Threads that wait to be collected as garbage can wait for the thread that collects them.
    started = set(threading.enumerate()) - before
    assert not [t for t in started if t.name.startswith("ThreadPoolExecutor")]


def test_a_full_disk_stops_the_stage(faces, execution, loaded, monkeypatch):
    def full(*of):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(together, "write", full)
    with pytest.raises(OSError, match="No space"):
        run(faces, execution)
    assert not list(Cache(execution.cache_folder).entries())


# ------------------------------------------------------------------ settings

WEIGHTS = {"weights": "a.h5", "sha256": "a" * 64}
OTHERS = [
    {},
    {"preprocessing": "paper"},
    {"input_size": 224},
    {"rectify": False},
    {"precision": "bf16"},
    {"batch_size": 4},
    {"seed": 1},
    WEIGHTS,
    {**WEIGHTS, "sha256": "b" * 64},
]


def key(settings, device="cpu"):
    return together.key_of_crops("crops", settings, device)


def test_no_two_settings_share_an_entry():
    ways = [SETTINGS.model_copy(update=changes) for changes in OTHERS]
    keys = {key(way, device) for way in ways for device in ("cpu", "cuda")}
    assert len(keys) == 2 * len(OTHERS)


def test_what_windows_make_of_the_rows_is_in_no_key():
    for changes in ({"normalise": True}, {"context_seconds": 1.0}, {"align": "none"}):
        assert key(SETTINGS.model_copy(update=changes)) == key(SETTINGS)


def test_a_batch_has_a_bound():
    with pytest.raises(ValidationError, match=r"batch_size\n.*less than or equal to 8192"):
        VGGFaceSettings(batch_size=8193)


def test_a_weight_file_is_the_same_elsewhere():
    here, there = (
        SETTINGS.model_copy(update={**WEIGHTS, "weights": path, "seed": seed})
        for path, seed in (("a.h5", 0), ("elsewhere/b.h5", 1))
    )
    assert key(here) == key(there)


def test_attributes_hold_all_that_made_the_features(faces, execution, loaded, monkeypatch):
    settings = SETTINGS.model_copy(
        update={"preprocessing": "paper", "input_size": 224, "rectify": False, **WEIGHTS}
    )
    with torch.device("meta"):
        network = VGGFaceFC6(Origin("keras-vggface", "bgr", "a" * 64), width=1 / 64)
    network.to_empty(device="cpu")
    for parameter in network.parameters():
        parameter.detach().zero_()
    monkeypatch.setattr(
        extractor, "load_vggface", lambda *_: prepare(network, "cpu", torch.bfloat16)
    )
    result = run(faces, execution, ["one"], settings)["one"]
    attributes = FinishedItem(result).attributes
    assert (attributes["weights"], attributes["sha256"]) == ("keras-vggface", "a" * 64)
    assert (attributes["channel_order"], attributes["device"]) == ("bgr", "cpu")
    assert attributes["precision"] == "torch.bfloat16"


def test_a_blank_face_is_described_once(execution, loaded, monkeypatch):
    first = together.blank(SETTINGS, "cpu", execution)
    assert len(first) == 256
    assert np.isfinite(first).all()
    assert any(first)
    monkeypatch.setattr(extractor, "load_vggface", None)
    assert together.blank(SETTINGS, "cpu", execution) == first
    other = SETTINGS.model_copy(update={"preprocessing": "paper"})
    with pytest.raises(NetworkFailedError):
        together.blank(other, "cpu", execution)


@pytest.mark.parametrize("gives_features", [False, True])
def test_the_store_says_what_a_blank_face_is(
    tmp_path, faces, execution, loaded, monkeypatch, gives_features
):
    items = [] if gives_features else [SimpleNamespace(item="one")]
    params = SimpleNamespace(streams={"face": SETTINGS}, execution=execution)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extract, "media_items", lambda: items)
    monkeypatch.setattr(extract, "open_faces", lambda _: faces)
    extract.extract(params, "face")
    store = open_stream(tmp_path / "data/streams/face.zarr")
    expected = None if gives_features else together.blank(SETTINGS, "cpu", execution)
    assert store.blank == expected
    assert list(store.items) == sorted(item.item for item in items)
    assert store.settings == SETTINGS.of_rows()
    manifest = json.loads((tmp_path / "data/contents/face.json").read_text())
    assert manifest["items"] == {item.item: store.key(item.item) for item in items}
    assert len(loaded) == (0 if gives_features else 1)


def test_renaming_a_stream_costs_nothing(tmp_path, faces, execution, loaded, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extract, "media_items", lambda: [SimpleNamespace(item="one")])
    monkeypatch.setattr(extract, "open_faces", lambda _: faces)
    for name in ("face", "renamed"):
        extract.extract(SimpleNamespace(streams={name: SETTINGS}, execution=execution), name)
    assert len(loaded) == 1
    one, other = (
        (tmp_path / f"data/contents/{name}.json").read_text() for name in ("face", "renamed")
    )
    assert one == other


def test_precision_is_measured_once_per_machine(execution, monkeypatch):
    measured = []

    def measure(device, out):
        measured.append(device)
        (out / "precision").write_text("bf16")

    monkeypatch.setattr(loading, "measure_precision", measure)

    def kept(machine, compute):
        return cached("precision", Job("precision", hash_of(machine), compute), execution)

    for _ in range(2):
        chosen = loading.settle(VGGFaceSettings(), "cpu", kept)
        assert chosen.precision == "bf16"
    assert measured == ["cpu"]
    assert loading.settle(VGGFaceSettings(precision="fp32"), "cpu", kept).precision == "fp32"


def test_measured_precision_is_written_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "features.extractors.vggface.network.choose_precision", lambda _: torch.bfloat16
    )
    loading.measure_precision("cpu", tmp_path)
    assert (tmp_path / "precision").read_text() == "bf16"


# ------------------------------------------------------------------ crops as they are


def test_a_stream_of_crops_has_no_rows_of_its_own(tmp_path, execution, monkeypatch):
    items = make_items()
    make_store(tmp_path / "data", items)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extract, "media_items", lambda: [SimpleNamespace(item=n) for n in items])
    params = SimpleNamespace(streams={"face": CropsSettings()}, execution=execution)
    extract.extract(params, "face")
    store = open_stream(tmp_path / "data/streams/face.zarr")
    assert set(store.items) == set(items)
    np.testing.assert_array_equal(store.rows("long")[:], items["long"][0])
    manifest = json.loads((tmp_path / "data/contents/face.json").read_text())
    assert manifest["items"] == {name: key for name, (*_, key) in items.items()}
    clips.describe(None, CropsSettings(), execution, tmp_path / "data", "video")
    np.testing.assert_array_equal(
        open_stream(tmp_path / "data/video.zarr").rows("short")[:], items["short"][0]
    )
