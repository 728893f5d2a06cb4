import struct

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from features.corpora.feature_files import SUFFIXES, read_features
from features.errors import InputError

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)
TIMES = np.array([0.0, 0.5, 0.75, 2.0])
PRESENT = np.array([True, False, True, True])


def write(path, features=ROWS, **arrays):
    match path.suffix:
        case ".npz":
            np.savez_compressed(path, features=features, **arrays)
        case ".npy":
            np.save(path, features)
        case ".h5":
            with h5py.File(path, "w") as file:
                for name, array in {"features": features, **arrays}.items():
                    file[name] = array
        case ".safetensors":
            named = {name: np.asarray(array) for name, array in arrays.items()}
            save_file({"features": features, **named}, path)
        case ".csv" | ".parquet":
            table = pd.DataFrame(features, columns=[f"f{i}" for i in range(features.shape[1])])
            for name, array in arrays.items():
                table["time" if name == "times" else name] = array
            table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if s != ".npy"])
def test_every_format_holds_rows_times_and_presence(tmp_path, suffix):
    found = read_features(write(tmp_path / f"a{suffix}", times=TIMES, present=PRESENT))
    assert found.rows.dtype == np.float32
    assert (found.rows == ROWS).all()
    assert found.times.tolist() == TIMES.tolist()
    assert found.present.tolist() == PRESENT.tolist()


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if s != ".npy"])
def test_a_rate_takes_the_place_of_times(tmp_path, suffix):
    found = read_features(write(tmp_path / f"a{suffix}", rate=np.array(8.0)))
    assert found.times.tolist() == [0.0, 0.125, 0.25, 0.375]
    assert found.present.all()


def test_one_vector_needs_no_time(tmp_path):
    for features in (ROWS[0], ROWS[:1]):
        np.save(tmp_path / "a.npy", features)
        found = read_features(tmp_path / "a.npy")
        assert (found.rows.shape, found.times.tolist()) == ((1, 3), [0.0])


def test_rows_of_an_array_alone_need_a_rate(tmp_path):
    path = write(tmp_path / "a.npy")
    assert read_features(path, rate=2.0).times.tolist() == [0.0, 0.5, 1.0, 1.5]
    with pytest.raises(InputError, match="neither times nor a rate"):
        read_features(path)


BAD = {
    "is nan, and 1 of 4 rows": {"features": np.where(ROWS == 5, np.nan, ROWS)},
    "times of shape": {"times": TIMES[:3]},
    "row 2 begins at 0.25 s, not after": {"times": np.array([0, 0.5, 0.25, 1])},
    "negative or not finite": {"times": TIMES - 1},
    "a rate of 0 rows": {"rate": np.array(0.0)},
    "a rate of nan rows": {"rate": np.array(np.nan)},
    "a rate of shape": {"rate": TIMES},
    "present of shape": {"present": PRESENT[:2], "rate": np.array(1.0)},
    r"features of shape \(2, 2, 2\)": {"features": np.zeros((2, 2, 2))},
    r"features of shape \(0, 3\)": {"features": ROWS[:0]},
}


@pytest.mark.parametrize("reason", BAD)
def test_what_is_wrong_is_named_with_its_file(tmp_path, reason):
    path = write(
        tmp_path / "a.npz",
        **({"rate": np.array(1.0)} if "times" not in BAD[reason] else {}) | BAD[reason],
    )
    with pytest.raises(InputError, match=reason) as raised:
        read_features(path)
    assert str(path) in raised.value.reason


def test_what_is_not_finite_where_nothing_was_is_zero(tmp_path):
    rows = ROWS.copy()
    rows[1, 2] = np.inf
    found = read_features(write(tmp_path / "a.npz", rows, times=TIMES, present=PRESENT))
    assert found.rows[1].tolist() == [0, 0, 0]


def test_a_rate_that_is_no_number_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["features"], file.attrs["rate"] = np.zeros((2, 1)), "fast"
    save_file({"features": np.zeros((2, 1))}, tmp_path / "b.safetensors", {"rate": "fast"})
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InputError, match=f"{path.name} has the rate 'fast'"):
            read_features(path)


def test_no_object_is_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", features=np.array([{}], dtype=object))
    np.save(tmp_path / "b.npy", np.array([{}], dtype=object))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InputError, match="of type object"):
            read_features(path)


def test_a_header_that_claims_too_much_costs_no_memory(tmp_path):
    header = str({"descr": "<f8", "fortran_order": False, "shape": (1 << 20, 1 << 20)}).encode()
    huge = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    (tmp_path / "a.npy").write_bytes(huge)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("features", (1 << 20, 1 << 20), "f4", chunks=(1, 1024))
    (tmp_path / "c.safetensors").write_bytes(struct.pack("<Q", 1 << 40))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InputError, match="states"):
            read_features(path)


def test_an_array_in_another_file_is_refused(tmp_path):
    write(tmp_path / "other.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["features"] = h5py.ExternalLink("other.h5", "features")
    with pytest.raises(InputError, match="is a link"):
        read_features(tmp_path / "a.h5")


@settings(max_examples=40, deadline=None)
@given(suffix=st.sampled_from(SUFFIXES), content=st.binary(max_size=80))
def test_any_bytes_are_refused_in_one_sentence(tmp_path_factory, suffix, content):
    path = tmp_path_factory.mktemp("f") / f"a{suffix}"
    path.write_bytes(content)
    reason = ""
    try:
        found = read_features(path, rate=1.0)
    except InputError as error:
        reason = error.reason
    assert str(path) in reason or np.isfinite(found.rows).all()
