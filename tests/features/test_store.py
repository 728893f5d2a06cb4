import errno
from functools import partial

import numpy as np
import pytest
import zarr

from features.errors import InputError
from features.stores import store

GENERATOR = np.random.default_rng(0)
DTYPES = ["bool", "uint8", "int32", "int64", "float16", "float32", "float64"]


def files(path):
    return sorted(p.relative_to(path) for p in path.rglob("*") if p.is_file())


@pytest.fixture
def made(tmp_path):
    """Three items, each in its own place."""
    folders = {name: tmp_path / "cache" / name for name in ("a", "b", "c")}
    for number, (name, path) in enumerate(folders.items()):
        store.write_item(path, {"x": np.full((5, 2), number, np.float32)}, {"key": name})
    return folders


@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip_is_exact(tmp_path, dtype):
    content = GENERATOR.bytes(np.dtype(dtype).itemsize * 999)
    array = np.frombuffer(content, dtype if dtype != "bool" else np.uint8).reshape(333, 3)
    array = array % 2 == 0 if dtype == "bool" else array
    store.write_item(tmp_path / "item", {"x": array}, {})
    read = store.read_array(zarr.open_group(tmp_path / "item", mode="r"), "x")
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert read.tobytes() == array.tobytes()


def test_special_values_survive(tmp_path):
    arrays = {
        "special": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
        "minus_zero": np.full(7, -0.0, np.float32),
        "zero": np.zeros(7, np.uint8),
    }
    store.write_item(tmp_path / "item", arrays, {})
    group = zarr.open_group(tmp_path / "item", mode="r")
    for name, array in arrays.items():
        assert store.read_array(group, name).tobytes() == array.tobytes()


@pytest.mark.parametrize("shape", [(0,), (0, 65), (0, 96, 96, 3), (3, 0)])
def test_empty_arrays(tmp_path, shape):
    store.write_item(tmp_path / "item", {"x": np.zeros(shape, np.float32)}, {})
    read = store.read_array(zarr.open_group(tmp_path / "item", mode="r"), "x")
    assert (read.shape, read.dtype) == (shape, np.float32)


def test_3000_frames_are_few_files(tmp_path):
    noise = GENERATOR.integers(0, 256, (3000, 96, 96, 3), np.uint8)
    arrays = {"crops": noise, "fc6": np.ones((3000, 4096), np.float16), "times": np.arange(3000.0)}
    store.write_item(tmp_path / "item", arrays, {})
    assert len(files(tmp_path / "item")) <= 12
    crops = zarr.open_group(tmp_path / "item", mode="r")["crops"]
    np.testing.assert_array_equal(crops[2990:], noise[2990:])  # a part can be read


def test_one_row_larger_than_a_chunk(tmp_path):
    array = GENERATOR.normal(size=(3, 400, 500))
    store.write_item(tmp_path / "item", {"x": array}, {})
    read = store.read_array(zarr.open_group(tmp_path / "item", mode="r"), "x")
    np.testing.assert_array_equal(read, array)


def test_an_item_written_again_is_replaced(tmp_path):
    store.write_item(tmp_path / "item", {"x": np.ones(3), "y": np.ones(3)}, {})
    store.write_item(tmp_path / "item", {"x": np.zeros(2)}, {})
    group = zarr.open_group(tmp_path / "item", mode="r")
    assert list(group.array_keys()) == ["x"]
    assert store.read_array(group, "x").tolist() == [0, 0]


# ------------------------------------------------------------------ assembled stores


def test_a_store_reads_back(tmp_path, made):
    path = tmp_path / "data" / "some.zarr"
    store.assemble(path, made, {"settings": {"size": 96}})
    group = store.open_store(path, stage="faces")
    assert store.item_names(group) == ["a", "b", "c"]
    assert group.attrs["settings"] == {"size": 96}
    item = store.read_item(group, "b")
    assert item.attrs["key"] == "b"
    assert (store.read_array(item, "x") == 1).all()


def test_numbers_of_an_item(tmp_path):
    store.write_item(tmp_path / "item", {}, {"start": 0.478})
    assert store.read_number(zarr.open_group(tmp_path / "item", mode="r"), "start") == 0.478


def test_no_byte_is_stored_twice(tmp_path, made):
    path = tmp_path / "some.zarr"
    store.assemble(path, made, {})
    for name, source in made.items():
        assert files(path / name) == files(source)
        for file in files(source):
            assert (path / name / file).samefile(source / file)


def test_what_left_the_corpus_drops_out(tmp_path, made):
    path = tmp_path / "some.zarr"
    store.assemble(path, made, {"old": True})
    del made["b"]
    store.assemble(path, made, {})
    group = store.open_store(path, stage="faces")
    assert store.item_names(group) == ["a", "c"] == sorted(group.group_keys())
    assert "old" not in group.attrs
    assert (tmp_path / "cache" / "b" / "zarr.json").exists()  # the item cache keeps it


def test_where_links_fail_files_are_copied(tmp_path, made, monkeypatch):
    def refuse(source, target):
        raise PermissionError("no links here")

    monkeypatch.setattr(store.os, "link", refuse)
    store.assemble(tmp_path / "some.zarr", made, {})
    item = store.read_item(store.open_store(tmp_path / "some.zarr", stage="faces"), "c")
    assert (store.read_array(item, "x") == 2).all()


def test_another_schema_is_refused_and_names_the_stage(tmp_path, made, monkeypatch):
    monkeypatch.setattr(store, "SCHEMA", store.SCHEMA + 1)
    store.assemble(tmp_path / "some.zarr", made, {})
    monkeypatch.undo()
    with pytest.raises(InputError, match="schema 4, this version of Lacuna reads 3") as caught:
        store.open_store(tmp_path / "some.zarr", stage="faces")
    assert caught.value.remedy == "run `dvc repro --force faces`"


def metadata(text, path):
    path.mkdir()
    (path / "zarr.json").write_text(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda _: None,
        lambda path: path.mkdir(),
        lambda path: path.write_bytes(b"no store"),
        lambda path: zarr.create_array(path, shape=(3,), dtype="i4"),
        partial(metadata, '{"zarr_format'),
        partial(metadata, "[]"),
        partial(metadata, "null"),
        partial(metadata, "3"),
    ],
    ids=["missing", "empty", "file", "array", "truncated", "list", "null", "number"],
)
def test_what_is_no_store_is_refused_and_names_the_stage(tmp_path, make):
    make(tmp_path / "some.zarr")
    with pytest.raises(InputError, match=r"some\.zarr is missing or not") as caught:
        store.open_store(tmp_path / "some.zarr", stage="lld")
    assert caught.value.remedy == "run `dvc repro lld`"


# ------------------------------------------------------------------ damage


def open_item(path):
    return zarr.open_group(path, mode="r")


@pytest.mark.parametrize("name", ["crops", "times", "found"])
def test_a_lost_shard_is_damage_and_not_zeros(tmp_path, name):
    arrays = {
        "crops": GENERATOR.integers(0, 256, (1300, 96, 96, 3), np.uint8),
        "times": np.arange(5.0),
        "found": np.zeros(5, bool),  # Zarr by itself would write no file at all
    }
    store.write_item(tmp_path / "item", arrays, {})
    assert not store.read_array(open_item(tmp_path / "item"), "found").any()
    shards = sorted(p for p in (tmp_path / "item" / name / "c").rglob("*") if p.is_file())
    assert len(shards) == (2 if name == "crops" else 1)
    shards[-1].unlink()
    item = open_item(tmp_path / "item")
    with pytest.raises(InputError, match=f"{name} is damaged .*a file of it is missing"):
        store.read_array(item, name)
    with pytest.raises(InputError, match="is damaged"):
        next(store.iterate_rows(item, name))


def test_pictures_that_are_all_black_are_written_too(tmp_path):
    black = np.zeros((700, 96, 96, 3), np.uint8)
    with store.new_item(tmp_path / "item", {}) as writer:
        writer.rows("crops", black.shape, np.uint8, jpeg_quality=90).append(black)
    assert not store.read_array(open_item(tmp_path / "item"), "crops").any()


def test_attributes_that_are_not_there_are_damage(tmp_path):
    store.write_item(tmp_path / "item", {}, {"key": "abc", "start": "soon"})
    item = open_item(tmp_path / "item")
    assert store.read_key(item) == "abc"
    store.write_item(tmp_path / "other", {}, {"start": "soon"})
    other = open_item(tmp_path / "other")
    for read in (store.read_key, store.item_names, lambda item: store.read_number(item, "start")):
        with pytest.raises(InputError, match="other is damaged"):
            read(other)


# ------------------------------------------------------------------ interrupted replacements


def test_a_store_cut_short_while_it_is_replaced_is_not_readable(tmp_path, made, monkeypatch):
    path = tmp_path / "some.zarr"
    store.assemble(path, made, {})

    def interrupt(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(store.shutil, "rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.assemble(path, made, {})
    with pytest.raises(InputError, match="not a readable store"):
        store.open_store(path, stage="faces")


def test_a_file_or_a_link_in_the_place_of_a_store_is_replaced(tmp_path, made):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "file.zarr").write_text("no store")
    (tmp_path / "link.zarr").symlink_to(tmp_path / "elsewhere")
    for name in ("file.zarr", "link.zarr"):
        store.assemble(tmp_path / name, made, {})
        assert store.item_names(store.open_store(tmp_path / name, stage="faces")) == list(made)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_full_disk_is_told_as_such(tmp_path, made, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(store.os, "link", full)
    monkeypatch.setattr(store.shutil, "copy2", full)
    with pytest.raises(OSError, match="No space left") as caught:
        store.assemble(tmp_path / "some.zarr", made, {})
    assert caught.value.errno == errno.ENOSPC
