"""Stage lld: ComParE-2013 low-level descriptors of the sound, 100 rows a second."""

from functools import partial
from pathlib import Path

from features.settings import LLDSettings
from features.store import assemble, write_item
from pipeline.items import Job, hash_of, run_jobs, stage_errors, versions
from pipeline.outputs import LLD, read_items
from pipeline.params import load_params

VERSION = 1
"""Raise it when the code of this stage gives other features than before."""

LIBRARIES = ("av", "opensmile")
"""Whose versions the features depend on."""


def main() -> None:
    """Run the stage."""
    with stage_errors():
        params = load_params()
        settings = params.lld
        jobs = [
            Job(item.item, key, partial(extract, Path(item.path), settings, key))
            for item in read_items()
            for key in [hash_of(VERSION, versions(LIBRARIES), item.sha256, settings.model_dump())]
        ]
        results = run_jobs("lld", jobs, params.execution)
        assemble(LLD, results, {"settings": settings.model_dump()})


def extract(path: Path, settings: LLDSettings, key: str, out: Path) -> None:
    """Describe one item's sound."""
    import opensmile

    from features.lld import extract_lld, names, sound_present
    from features.media import SAMPLE_RATE, sound

    samples, start = sound(path)
    lld = extract_lld(samples)
    present = sound_present(samples, len(lld), **settings.silence.model_dump())
    attributes = {
        "key": key,
        "settings": settings.model_dump(),
        "opensmile": opensmile.__version__,
        "names": list(names()),
        "start": start,
        "duration": len(samples) / SAMPLE_RATE,
    }
    write_item(out, {"lld": lld, "present": present}, attributes)


if __name__ == "__main__":
    main()
