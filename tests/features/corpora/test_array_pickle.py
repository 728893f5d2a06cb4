import builtins
import io
import os
import pickle
import pickletools
import struct
import time
import tracemalloc

import numpy as np
import pytest

from features.corpora.array_pickle import read_arrays
from features.errors import InputError

GENERATOR = np.random.default_rng(0)
ARRAYS = {
    "f8": GENERATOR.standard_normal((3, 4, 5)),
    "f4": GENERATOR.standard_normal((7, 1)).astype(np.float32),
    "special": np.array([np.nan, np.inf, -np.inf, -0.0]),
    "big_endian": np.arange(6, dtype=">f4").reshape(2, 3),
    "by_columns": np.asfortranarray(GENERATOR.standard_normal((4, 6))),
    "int": np.arange(-3, 3, dtype=np.int64),
    "bool": np.array([True, False]),
    "bytes": np.array([[b"ab", b"c"], [b"", b"def"]]),
    "text": np.array(["ä", "bc"]),
    "object": np.array([["x", 1.5], ["-y", b"z"]], dtype=object),
    "large": GENERATOR.standard_normal((100, 1000)),
}


def write(path, content, protocol=4):
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


def read(path, *keys):
    return read_arrays(path, ("train",), keys)["train"]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_read_exactly_from_every_protocol(tmp_path, name, protocol):
    array = ARRAYS[name]
    file = write(tmp_path / "a.pkl", {"train": {name: array}}, protocol)
    found = read(file, name)[name]
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    assert found.tolist() == array.tolist() or found.tobytes() == array.tobytes()


def test_an_empty_array(tmp_path):
    file = write(tmp_path / "a.pkl", {"train": {"x": np.zeros((0, 5))}})
    assert read(file, "x")["x"].shape == (0, 5)


def test_names_of_numpy_1_are_read(tmp_path):
    content = pickle.dumps({"train": {"x": ARRAYS["f8"]}}, 3)
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != content
    np.testing.assert_array_equal(read(write(tmp_path / "a.pkl", old), "x")["x"], ARRAYS["f8"])


def test_arrays_of_python_2_are_read(tmp_path):
    raw = np.array([1.5, -200.25]).tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        b"(K\x01(K\x02tcnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(raw)]) + raw + b"tb"
    )
    content = b"\x80\x02}U\x05train}U\x01x" + array + b"ss."
    assert read(write(tmp_path / "a.pkl", content), "x")["x"].tolist() == [1.5, -200.25]


def test_large_arrays_stay_in_the_file(tmp_path):
    array = np.zeros(4 * 2**20)
    file = write(tmp_path / "a.pkl", {"train": {"x": array, "unread": array + 1}})
    del array
    tracemalloc.start()
    found = read(file, "x")["x"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.nbytes == 32 * 2**20
    assert peak < 2**20


# ------------------------------------------------------------------ hostile pickles


class Calls:
    """Pickled, it is a call of a function with arguments."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class State:
    """An object with a state of its own."""

    def __init__(self):
        self.x = 1


def hidden(value):
    array = np.empty(2, dtype=object)
    array[0] = value
    return array


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    ("hostile", "name"),
    [
        (Calls(os.system, "touch {}"), r"(posix|nt)\.system"),
        (Calls(builtins.eval, "open('{}', 'w')"), r"(__builtin__|builtins)\.eval"),
        (Calls(builtins.exec, "open('{}', 'w')"), r"(__builtin__|builtins)\.exec"),
        (Calls(np.load, "{}", None, True), r"numpy.*load"),
        (Calls(io.open, "{}", "w"), r"(io|_io)\.open"),
        (State(), r"State|_reconstructor"),
        (hidden(Calls(os.system, "touch {}")), r"(posix|nt)\.system"),
        (hidden(State()), r"State|_reconstructor"),
    ],
)
def test_what_is_no_array_is_refused_by_name_and_not_run(tmp_path, hostile, name, protocol):
    mark = tmp_path / "mark"
    held = hostile[0] if isinstance(hostile, np.ndarray) else hostile
    if isinstance(held, Calls):
        function, arguments = held.call
        filled = (x.format(mark) if isinstance(x, str) else x for x in arguments)
        held.call = (function, tuple(filled))
    content = pickle.dumps({"train": {"x": ARRAYS["f8"], "y": hostile}}, protocol)
    with pytest.raises(InputError, match=name):
        read(write(tmp_path / "a.pkl", content), "x")
    assert not mark.exists()


def test_objects_in_an_array_of_objects_are_refused(tmp_path):
    for value in ({"a": 1}, ["b"], None, np.zeros(2)):
        file = write(tmp_path / "a.pkl", {"train": {"x": hidden(value)}})
        with pytest.raises(InputError, match="objects that are not texts or numbers"):
            read(file, "x")


def state_of(shape, dtype=b"\x8c\x02f8", content=b"C\x080000000\x00"):
    """A pickle of one array with this state, as opcodes of protocol 4."""
    return (
        b"\x80\x04}\x8c\x05train}\x8c\x01x"
        b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
        b"(K\x01" + shape + b"cnumpy\ndtype\n" + dtype + b"\x89\x88\x87R"
        b"(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + content + b"tbss."
    )


HUGE = b"\x8a\x08" + struct.pack("<q", 2**60)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (state_of(HUGE + b"\x85"), "1 values for an array of shape"),
        (state_of(HUGE + HUGE + b"\x86"), "1 values for an array of shape"),
        (state_of(b"J\xff\xff\xff\xff\x85"), "1 values for an array of shape"),
        (state_of(b"K\x02\x85"), "1 values for an array of shape"),
        (state_of(HUGE + b"\x85", dtype=b"\x8c\x02O8", content=b"]K\x01a"), "1 values for an"),
        (state_of(b"K\x01\x85", dtype=b"\x8c\x02m8"), "dtype 'm8'"),
        (state_of(b"K\x01\x85", dtype=b"\x8c\x02V8"), "dtype 'V8'"),
        (state_of(b"K\x01\x85", dtype=b"\x8c\x09S99999999"), "dtype 'S99999999'"),
        (state_of(b"K\x01\x85", dtype=b"K\x01"), "TypeError"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.", "cut short"),
        (b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"x.", "cut short"),
        (b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.", "cut short"),
        (b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"x.", "cut short"),
        (b"\x80\x04\x8b" + struct.pack("<i", 2**31 - 1) + b"x.", "cut short"),
        (b"\x80\x04Nr\xff\xff\xff\xff.", "TypeError"),  # the memo's last place
        (b"c" + b"a" * 5000, "a line does not end"),
        (b"\x80\x04cnumpy\nndarray\n" + HUGE + b"\x85R.", "TypeError"),  # a call: ndarray(2**60)
        (b"\x80\x04cnumpy\ndtype\n}\x8c\x01nK\x01sb.", "sets the state of a type"),
        (b"\x80\x04c_codecs\nencode\n\x8c\x01a\x8c\x03rot\x86R.", "encodes other texts"),
        (b"\x80\x04P1\n.", "UnpicklingError"),
        (b"\x80\x04\x82\x01.", "ValueError"),
        (b"", "ValueError"),
        (b".", "IndexError"),
        (b"no pickle at all", "not a pickle"),
        (pickle.dumps({"train": {"y": ARRAYS["f8"]}}), "KeyError: 'x'"),
        (pickle.dumps({"train": {"x": 1.0}}), "not a pickle of x in train"),
        (pickle.dumps({"train": {"x": [None]}}), "a list of what are not texts or numbers"),
        (pickle.dumps([1]), "not a pickle of x in train"),
        (pickle.dumps({"train": {"x": ARRAYS["large"]}})[:-1000], "EOFError"),
    ],
)
def test_malformed_pickles_are_refused_in_little_memory(tmp_path, content, message):
    file = write(tmp_path / "a.pkl", content)
    tracemalloc.start()
    with pytest.raises(InputError, match=message) as caught:
        read(file, "x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(file) in caught.value.reason
    assert peak < 16 * 2**20


BOMB = b")" + b"2\x86" * 200
"""A tuple of two tuples of two tuples, ...: 401 bytes, 2**200 steps to hash."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04}" + BOMB + b"Ns.", "keys are not texts"),
        (b"\x80\x04}(" + BOMB + b"Nu.", "keys are not texts"),
        (b"\x80\x04(" + BOMB + b"Nd.", "keys are not texts"),
        (b"\x80\x04\x8f(" + BOMB + b"\x90.", "has a set"),
        (b"\x80\x04(" + BOMB + b"\x91.", "has a set"),
        (state_of(BOMB), "shape is not of numbers"),
        (state_of(b"\x8a\x08" + struct.pack("<q", 2**33) + b"C\x01x\x86"), "not of numbers"),
    ],
)
def test_a_few_bytes_do_not_keep_the_reader_busy(tmp_path, content, message):
    file = write(tmp_path / "a.pkl", content)
    began = time.monotonic()
    with pytest.raises(InputError, match=message):
        read(file, "x")
    assert time.monotonic() - began < 2


def test_one_text_is_not_encoded_again_and_again(tmp_path):
    text = b"a" * 50_000
    once = b"c_codecs\nencode\nh\x00\x8c\x06latin1\x86R0"
    content = b"\x80\x04X" + struct.pack("<I", len(text)) + text + b"q\x000" + once * 5000 + b"N."
    pickletools.dis(content[:-1] + b".", out=io.StringIO())  # it is well formed
    with pytest.raises(InputError, match="encodes other texts"):
        read(write(tmp_path / "a.pkl", content), "x")
