import json

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import Crc32cCodec, ZstdCodec

from features.stores.metadata import PACKED, PLAIN, metadata_of
from features.stores.shards import Shards, are_readable
from features.stores.writing import FLAT, WRITE_ALL

ROWS, CHUNK, SHARD = 2300, 100, 1000


CODECS = {"packed": PACKED, "plain": PLAIN}
BY_ZARR = {"packed": ZstdCodec(level=1, checksum=True), "plain": Crc32cCodec()}


def create_by_zarr(path, shape, dtype, codecs="packed"):
    """An array of which Zarr itself writes the metadata."""
    return zarr.create_array(
        path,
        shape=shape,
        dtype=dtype,
        chunks=(CHUNK, *shape[1:]),
        shards=(SHARD, *shape[1:]),
        chunk_key_encoding=FLAT,
        config=WRITE_ALL,
        compressors=(BY_ZARR[codecs],),
    )


@pytest.fixture(
    scope="module", params=[(c, d) for c in CODECS for d in ("float32", "float16", "uint8")]
)
def both(request, tmp_path_factory):
    """The same rows written by Zarr and by `Shards`, and the rows."""
    codecs, dtype = request.param
    folder = tmp_path_factory.mktemp(dtype)
    rows = np.random.default_rng(0).uniform(0, 9, (ROWS, 7)).astype(dtype)
    shape = 3 * SHARD, 7
    array = create_by_zarr(folder / "zarr", shape, rows.dtype, codecs)
    metadata = metadata_of(shape, rows.dtype, CHUNK, SHARD, CODECS[codecs])
    (folder / "ours").mkdir()
    shards = Shards(folder / "ours", metadata)
    for first in range(0, ROWS, SHARD):
        array[first : first + SHARD] = np.pad(rows, ((0, 700), (0, 0)))[first : first + SHARD]
        shards.write(first, rows[first : first + SHARD])
    (folder / "ours/zarr.json").write_text(json.dumps(metadata))
    assert are_readable(metadata)
    return folder, shards, rows


def test_whole_shards_have_the_bytes_that_zarr_writes(both):
    folder, shards, _ = both
    for number in range(2):
        zarr_s = folder / f"zarr/c.{number}.0"
        assert shards.path(number).read_bytes() == zarr_s.read_bytes()


@pytest.mark.parametrize("codecs", CODECS)
@pytest.mark.parametrize(
    "kind", ["float16", "float32", "float64", "uint8", "int32", "int64", "bool"]
)
@pytest.mark.parametrize("row", [(), (7,), (4, 4, 3)])
def test_metadata_are_those_that_zarr_writes(tmp_path, codecs, kind, row):
    create_by_zarr(tmp_path, (3 * SHARD, *row), kind, codecs)
    written = metadata_of((3 * SHARD, *row), np.dtype(kind), CHUNK, SHARD, CODECS[codecs])
    assert json.dumps(written, indent=2) == (tmp_path / "zarr.json").read_text()
    assert are_readable(written)


@pytest.mark.parametrize("shape", [(0,), (0, 7), (5, 0)])
def test_so_are_those_of_an_array_without_a_number(tmp_path, shape):
    zarr.create_array(
        tmp_path,
        shape=shape,
        dtype="float32",
        chunks=tuple(max(1, n) for n in (SHARD, *shape[1:])),
        chunk_key_encoding=FLAT,
    )
    written = metadata_of(shape, np.dtype("float32"), CHUNK, SHARD)
    assert json.dumps(written, indent=2) == (tmp_path / "zarr.json").read_text()


def test_zarr_reads_what_is_written(both):
    folder, _, rows = both
    array = zarr.open_array(folder / "ours", mode="r")
    assert np.array_equal(array[:ROWS], rows)
    assert not array[ROWS:].any()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, ROWS), st.integers(0, ROWS))
def test_any_rows_are_read_as_zarr_reads_them(both, one, other):
    folder, _, rows = both
    first, last = sorted((one, other))
    metadata = json.loads((folder / "zarr/zarr.json").read_text())
    for name in ("ours", "zarr"):
        assert np.array_equal(Shards(folder / name, metadata).read(first, last), rows[first:last])


def test_rows_that_were_not_written_are_no_zeros(both):
    _, shards, _ = both
    with pytest.raises(ValueError, match="missing"):
        shards.read(2 * SHARD, 3 * SHARD)
    with pytest.raises(FileNotFoundError):
        shards.read(3 * SHARD, 3 * SHARD + 1)


@pytest.mark.parametrize("codecs", CODECS)
@pytest.mark.parametrize("place", [0.1, 0.5, 0.995, 0.9999])
def test_a_flipped_bit_is_an_error(tmp_path, place, codecs):
    kind = np.dtype("float32")
    metadata = metadata_of((SHARD, 7), kind, CHUNK, SHARD, CODECS[codecs])
    shards = Shards(tmp_path, metadata)
    shards.write(0, np.random.default_rng(1).uniform(size=(SHARD, 7)).astype(np.float32))
    content = bytearray(shards.path(0).read_bytes())
    content[int(place * len(content))] ^= 4
    shards.path(0).write_bytes(content)
    with pytest.raises((ValueError, RuntimeError, OSError)):
        shards.read(0, SHARD)


def test_others_are_left_to_zarr(tmp_path):
    zarr.create_array(tmp_path, shape=(10, 3), dtype="f4", chunks=(5, 3))
    assert not are_readable(json.loads((tmp_path / "zarr.json").read_text()))
