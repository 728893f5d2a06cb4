"""Do one stage's work on one file in a process of its own and print the most memory it took.

`python -m tests.benchmarks.peak faces FILE FOLDER`, in bytes; imports nothing but what the work
needs, because that counts too.
"""

import sys
from collections.abc import Callable
from pathlib import Path

EVERY = 30


def faces(path: Path, folder: Path) -> None:
    """Detection in every `EVERY`-th frame, crops of all."""
    from features.faces.items import detect_item
    from features.settings import FaceSettings
    from features.stores.assembling import assemble

    detect_item(path, FaceSettings(every=EVERY), "", folder / "face")
    assemble(folder / "faces.zarr", {"item": folder / "face"}, {})


def fc6(_: Path, folder: Path) -> None:
    """The features of those crops."""
    from features.extractors.crops import open_faces
    from features.extractors.settings import VGGFaceSettings
    from features.extractors.together import describe_faces

    faces = open_faces(folder / "faces.zarr")
    describe_faces(VGGFaceSettings(precision="fp32"), faces, "item", "cpu", folder / "fc6")


def lld(path: Path, folder: Path) -> None:
    """The descriptors of the sound."""
    from features.extractors.settings import OpenSMILESettings
    from features.extractors.sound import describe_sound

    describe_sound(OpenSMILESettings(), path, "cpu", folder / "lld")


def sound(path: Path, _: Path) -> None:
    """The sound alone, decoded."""
    from features.media import decoding as media

    media.sound(path)


WORK: dict[str, Callable[[Path, Path], None]] = {
    "faces": faces,
    "fc6": fc6,
    "lld": lld,
    "sound": sound,
}
"""In the order in which they need each other's results."""


def high_water() -> int:
    """Peak resident memory of this process in bytes.

    `getrusage` would give that of the process that started this one where that was larger.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    name, file, results = sys.argv[1:]
    WORK[name](Path(file), Path(results))
    print(high_water())
