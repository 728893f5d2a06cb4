"""Files of arrays from elsewhere: refused before anything is read, in a sentence."""

import json

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from features.errors import InputError
from features.outside_files import check_safetensors, h5_dataset


def header(path, tensors, *, length=None, data=b"\0" * 16):
    text = tensors if isinstance(tensors, bytes) else json.dumps(tensors).encode()
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + data)
    return path


def test_good_safetensors_pass(tmp_path):
    save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.int64)}, tmp_path / "a")
    assert check_safetensors(tmp_path / "a", {"a": (2, 3)}) == {"a": (2, 3), "b": (4,)}
    with pytest.raises(InputError, match=r"a has shape \(2, 3\), expected \(3, 2\)"):
        check_safetensors(tmp_path / "a", {"a": (3, 2)})
    with pytest.raises(InputError, match="has no c"):
        check_safetensors(tmp_path / "a", {"c": (3,)})


def tensor(*shape, offsets=(0, 16), kind="F32"):
    return {"dtype": kind, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"a": tensor(1 << 40)}, "does not lie where"),
        ({"a": tensor(4), "b": tensor(4)}, "does not lie where"),
        ({"a": tensor(4, offsets=(16, 32))}, "does not lie where"),
        ({"a": tensor(8, offsets=(0, 32))}, "does not lie where"),
        ({"a": tensor(-4)}, "damaged header"),
        ({"a": tensor(4, kind="F1")}, "damaged header"),
        ({"a": [4]}, "damaged header"),
        (b"[" * 5000, "damaged header"),
        (b"\xff", "damaged header"),
    ],
)
def test_bad_headers_of_safetensors(tmp_path, tensors, reason):
    with pytest.raises(InputError, match=reason):
        check_safetensors(header(tmp_path / "a", tensors))


def test_a_header_longer_than_the_file(tmp_path):
    with pytest.raises(InputError, match="states a header of"):
        check_safetensors(header(tmp_path / "a", {}, length=1 << 60))


def test_datasets_of_hdf5_lie_in_the_file_and_are_as_expected(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(tmp_path / "b.h5", "w") as other:
        other["x"] = np.zeros(3)
    with h5py.File(path, "w") as file:
        file["good"] = np.zeros((2, 2))
        file["words"] = "text"
        file["group/soft"] = h5py.SoftLink("/good")
        file["outside"] = h5py.ExternalLink("b.h5", "x")
        file.create_dataset("huge", (1 << 15, 1 << 15), "f4", chunks=(1024, 1024))
        file.create_dataset("raw", (4,), "f4", external=[("/etc/passwd", 0, 16)])
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource("b.h5", "x", (3,))
        file.create_virtual_dataset("virtual", layout)
    assert path.stat().st_size < 50_000
    with h5py.File(path) as file:
        assert h5_dataset(path, file, "good", shape=(2, 2)).shape == (2, 2)
        for place, reason in {
            "none": "has no none",
            "good/x": "has no good/x",
            "words": "not an array of numbers",
            "group": "not an array of numbers",
            "group/soft": "is a link",
            "outside": "is a link",
            "raw": "lies in another file",
            "virtual": "lies in another file",
            "huge": r"has shape \(32768, 32768\), expected",
        }.items():
            with pytest.raises(InputError, match=reason):
                h5_dataset(path, file, place, shape=(2, 2) if place == "huge" else None)
