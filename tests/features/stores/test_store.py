import errno
import pickle
from functools import partial

import numpy as np
import pytest
import zarr

from features.errors import InputError
from features.stores import assembling, store
from features.stores.jpeg import jpeg_codecs
from features.stores.writing import SMALL, layout, new_item

GENERATOR = np.random.default_rng(0)
DTYPES = ["bool", "uint8", "int32", "int64", "float16", "float32", "float64"]


def files(path):
    return sorted(p.relative_to(path) for p in path.rglob("*") if p.is_file())


def write(folder, big=None, small=None, **attributes):
    """One item in a folder of its own."""
    with new_item(folder, attributes) as writer:
        for name, array in (big or {}).items():
            writer.rows(name, array.shape, array.dtype).append(array)
        for name, array in (small or {}).items():
            writer.write(name, array)
    return folder


def assembled(tmp_path, items, **attributes):
    """The store of some items, opened."""
    assembling.assemble(
        tmp_path / "some.zarr", items, attributes, {name: f"of {name}" for name in items}
    )
    return store.open_store(tmp_path / "some.zarr", stage="faces")


@pytest.fixture
def made(tmp_path):
    """Three items, each in its own place."""
    return {
        name: write(
            tmp_path / "cache" / name,
            {"x": np.full((5, 2), number, np.float32)},
            {"times": np.arange(number + 1.0)},
        )
        for number, name in enumerate(("a", "b", "c"))
    }


@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip_is_exact(tmp_path, dtype):
    content = GENERATOR.bytes(np.dtype(dtype).itemsize * 999)
    array = np.frombuffer(content, dtype if dtype != "bool" else np.uint8).reshape(333, 3)
    array = array % 2 == 0 if dtype == "bool" else array
    items = {
        "a": write(tmp_path / "a", {"x": array[:7]}, {"y": array[:7]}),
        "b": write(tmp_path / "b", {"x": array}, {"y": array}),
    }
    found = assembled(tmp_path, items)
    for read in (found.rows("b", "x")[:], found.array("b", "y")):
        assert (read.dtype, read.shape) == (array.dtype, array.shape)
        assert read.tobytes() == array.tobytes()


def test_special_values_survive(tmp_path):
    arrays = {
        "special": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
        "minus_zero": np.full(7, -0.0, np.float32),
        "zero": np.zeros(7, np.uint8),
    }
    found = assembled(tmp_path, {"a": write(tmp_path / "item", arrays, {"y": arrays["special"]})})
    for name, array in arrays.items():
        assert found.rows("a", name)[:].tobytes() == array.tobytes()
    assert found.array("a", "y").tobytes() == arrays["special"].tobytes()


@pytest.mark.parametrize("shape", [(0,), (0, 65), (0, 96, 96, 3), (3, 0)])
def test_empty_arrays(tmp_path, shape):
    empty = np.zeros(shape, np.float32)
    big = {} if shape == (3, 0) else {"x": empty}  # rows hold something
    found = assembled(tmp_path, {"a": write(tmp_path / "item", big, {"y": empty})})
    for read in (*(found.rows("a", name)[:] for name in big), found.array("a", "y")):
        assert (read.shape, read.dtype) == (shape, np.float32)


def test_an_item_without_rows_among_others(tmp_path):
    rows = {"a": np.zeros((0, 3)), "b": GENERATOR.normal(size=(4, 3)), "c": np.zeros((0, 3))}
    items = {name: write(tmp_path / name, {"x": array}) for name, array in rows.items()}
    found = assembled(tmp_path, items)
    for name, array in rows.items():
        np.testing.assert_array_equal(found.rows(name, "x")[:], array)
        assert [block.shape for block in found.rows(name, "x").blocks()] == (
            [(4, 3)] if len(array) else []
        )
    assert found.width("x") == 3


def test_an_item_is_one_file_and_small_arrays_are_of_the_corpus(tmp_path):
    rows = GENERATOR.normal(size=(40, 200, 65)).astype(np.float32)
    items = {
        f"{number}": write(tmp_path / f"{number}", {"rows": array}, {"times": np.arange(200.0)})
        for number, array in enumerate(rows)
    }
    found = assembled(tmp_path, items)
    shards = [file for file in files(tmp_path / "some.zarr") if file.parts[0] == "rows"]
    assert len(shards) == 40 + 1  # and the array's metadata
    assert len(files(tmp_path / "some.zarr")) < 40 + 10
    assert len(files(items["7"])) == 2
    np.testing.assert_array_equal(found.rows("7", "rows")[150:], rows[7, 150:])  # a part


def test_3000_frames_are_few_files(tmp_path):
    noise = GENERATOR.integers(0, 256, (3000, 96, 96, 3), np.uint8)
    arrays = {"crops": noise, "fc6": np.ones((3000, 4096), np.float16)}
    item = write(tmp_path / "item", arrays, {"times": np.arange(3000.0)})
    assert len(files(item)) <= 12
    crops = assembled(tmp_path, {"a": item}).rows("a", "crops")
    np.testing.assert_array_equal(crops[2990:], noise[2990:])  # a part can be read
    assert max(file.stat().st_size for file in item.rglob("c.*")) <= 17 << 20


def test_one_row_larger_than_a_chunk(tmp_path):
    array = GENERATOR.normal(size=(3, 1400, 500))
    found = assembled(tmp_path, {"a": write(tmp_path / "item", {"x": array})})
    np.testing.assert_array_equal(found.rows("a", "x")[:], array)


def test_the_layout_hangs_on_the_row_alone():
    assert layout((65,), 4) == (100, 64500)
    chunk, shard = layout((1,), 4)
    assert shard // chunk == 1024  # an index of more would be larger than most items


# ------------------------------------------------------------------ assembled stores


def test_a_store_reads_back(tmp_path, made):
    found = assembled(tmp_path / "data", made, settings={"size": 96})
    assert found.items == ("a", "b", "c")
    assert found.attribute("settings") == {"size": 96}
    assert found.key("b") == "of b"
    assert (found.rows("b", "x")[:] == 1).all()
    assert found.array("c", "times").tolist() == [0, 1, 2]


def test_an_item_says_what_holds_for_all(tmp_path):
    items = {name: write(tmp_path / name, {"x": np.ones(3)}, start=0.478) for name in "ab"}
    assert assembled(tmp_path, items).attribute("start") == 0.478


def test_no_byte_is_stored_twice(tmp_path, made):
    assembled(tmp_path, made)
    linked = sorted((tmp_path / "some.zarr" / "x").glob("c.*"))
    assert len(linked) == 3
    for target, source in zip(linked, made.values(), strict=True):
        assert target.samefile(source / "x" / "c.0.0")


def test_what_left_the_corpus_drops_out(tmp_path, made):
    assembled(tmp_path, made, old=True)
    left = made.pop("b")
    found = assembled(tmp_path, made)
    assert found.items == ("a", "c")
    assert (found.rows("c", "x")[:] == 2).all()
    assert len(list((tmp_path / "some.zarr" / "x").glob("c.*"))) == 2
    assert "old" not in found.attributes
    assert (left / SMALL).exists()  # the item cache keeps it


def test_where_links_fail_files_are_copied_and_it_is_told(tmp_path, made, monkeypatch):
    def refuse(source, target):
        raise PermissionError("no links here")

    monkeypatch.setattr(assembling.os, "link", refuse)
    assert assembling.assemble(tmp_path / "some.zarr", made, {}) == ["a", "b", "c"]
    found = store.open_store(tmp_path / "some.zarr", stage="faces")
    assert (found.rows("c", "x")[:] == 2).all()


def test_another_process_opens_a_store_anew(tmp_path, made):
    found = assembled(tmp_path, made)
    again = pickle.loads(pickle.dumps(found))
    assert (again.rows("b", "x")[:] == 1).all()
    assert again.items == found.items
    assert pickle.loads(pickle.dumps(found)) is again


def test_another_schema_is_refused_and_names_the_stage(tmp_path, made, monkeypatch):
    monkeypatch.setattr(assembling, "SCHEMA", store.SCHEMA + 1)
    assembling.assemble(tmp_path / "some.zarr", made, {})
    monkeypatch.undo()
    with pytest.raises(InputError, match="schema 5, this version of Lacuna reads 4") as caught:
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
        store.open_store(tmp_path / "some.zarr", stage="extract@lld")
    assert caught.value.remedy == "run `dvc repro extract@lld`"


# ------------------------------------------------------------------ damage


def test_a_lost_shard_is_damage_and_not_zeros(tmp_path):
    crops = GENERATOR.integers(0, 256, (1300, 96, 96, 3), np.uint8)
    items = {
        # Zarr by itself would write no file at all of zeros.
        "a": write(
            tmp_path / "a", {"crops": np.zeros_like(crops[:5])}, {"found": np.zeros(5, bool)}
        ),
        "b": write(tmp_path / "b", {"crops": crops}, {"found": np.zeros(7, bool)}),
    }
    found = assembled(tmp_path, items)
    assert not found.rows("a", "crops")[:].any()
    shards = sorted((tmp_path / "some.zarr" / "crops").glob("c.*"))
    assert len(shards) == 1 + 3
    shards[-1].unlink()
    assert not found.rows("a", "crops")[:].any()
    with pytest.raises(InputError, match=r"crops of b is damaged .*a file of it is missing"):
        found.rows("b", "crops")
    next((tmp_path / "some.zarr" / "found").glob("c.*")).unlink()
    with pytest.raises(InputError, match=r"found is damaged .*a file of it is missing"):
        store.open_store(tmp_path / "some.zarr", stage="faces").array("a", "found")


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_bit_is_damage(tmp_path, place):
    noise = GENERATOR.normal(size=(300, 65)).astype(np.float32)
    found = assembled(tmp_path, {"a": write(tmp_path / "a", {"x": noise})})
    shard = next((tmp_path / "some.zarr" / "x").glob("c.*"))
    content = bytearray(shard.read_bytes())
    content[int(place * 300 * 65 * 4 * 0.9)] ^= 1
    shard.write_bytes(content)
    with pytest.raises(InputError, match="x of a is damaged"):
        found.rows("a", "x")[:]


def test_a_damaged_item_is_told_when_it_is_taken(tmp_path, made):
    (made["b"] / SMALL).write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="b is damaged"):
        assembling.assemble(tmp_path / "some.zarr", made, {})
    with pytest.raises(InputError, match="not a readable store"):
        store.open_store(tmp_path / "some.zarr", stage="faces")


def test_pictures_that_are_all_black_are_written_too(tmp_path):
    black = np.zeros((700, 96, 96, 3), np.uint8)
    with new_item(tmp_path / "item", {}) as writer:
        writer.rows("crops", black.shape, np.uint8, **jpeg_codecs(90, 96)).append(black)
    found = assembled(tmp_path, {"a": tmp_path / "item"})
    assert not found.rows("a", "crops")[:].any()


def test_pictures_as_jpeg_are_nearly_the_same(tmp_path):
    ramp = np.linspace(0, 255, 96, dtype=np.uint8)
    pictures = np.broadcast_to(ramp[None, :, None, None], (250, 96, 96, 3))
    with new_item(tmp_path / "item", {}) as writer:
        writer.rows("crops", pictures.shape, np.uint8, **jpeg_codecs(95, 96)).append(pictures)
    found = assembled(tmp_path, {"a": tmp_path / "item"}).rows("a", "crops")
    assert np.abs(found[:].astype(int) - pictures).max() <= 4


def test_what_is_not_there_is_damage(tmp_path, made):
    found = assembled(tmp_path, made)
    for read in (
        lambda: found.attribute("settings"),
        lambda: found.key("d"),
        lambda: found.array("a", "labels"),
        lambda: found.array("d", "times"),
        lambda: found.rows("a", "crops"),
    ):
        with pytest.raises(InputError, match=r"some\.zarr.* is damaged"):
            read()


# ------------------------------------------------------------------ interrupted replacements


def test_a_store_cut_short_while_it_is_replaced_is_not_readable(tmp_path, made, monkeypatch):
    path = tmp_path / "some.zarr"
    assembling.assemble(path, made, {})

    def interrupt(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(assembling.shutil, "rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        assembling.assemble(path, made, {})
    with pytest.raises(InputError, match="not a readable store"):
        store.open_store(path, stage="faces")


def test_a_file_or_a_link_in_the_place_of_a_store_is_replaced(tmp_path, made):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "file.zarr").write_text("no store")
    (tmp_path / "link.zarr").symlink_to(tmp_path / "elsewhere")
    for name in ("file.zarr", "link.zarr"):
        assembling.assemble(tmp_path / name, made, {})
        assert store.open_store(tmp_path / name, stage="faces").items == tuple(made)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_full_disk_is_told_as_such(tmp_path, made, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(assembling.os, "link", full)
    monkeypatch.setattr(assembling.shutil, "copy2", full)
    with pytest.raises(OSError, match="No space left") as caught:
        assembling.assemble(tmp_path / "some.zarr", made, {})
    assert caught.value.errno == errno.ENOSPC
