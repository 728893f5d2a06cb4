"""Stage lld: low-level descriptors of the sound, 100 rows a second."""

from functools import partial
from pathlib import Path

from features.corpora.listing import LLD, from_file, media_items
from features.hashes import hash_of, versions
from features.settings import LLDSettings
from features.stores.store import assemble, write_item
from pipeline.engine.jobs import Job, run_jobs, stage_errors
from pipeline.params import load_params

VERSION = 3
"""Raise it when the code of this stage gives other features than before."""

LIBRARIES = ("av", "opensmile")
"""Whose versions the features depend on."""


def main() -> None:
    """Run the stage."""
    from features.extractors.lld import identity

    with stage_errors():
        params = load_params()
        settings = params.lld
        # A config moved elsewhere is the same; one with another file included is not.
        made_by = [
            versions(LIBRARIES),
            settings.model_dump(exclude={"set"}),
            identity(settings),
        ]
        jobs = [
            Job(
                item.item,
                key,
                partial(from_file, item, partial(extract, Path(item.path), settings, key)),
                item.seconds,
            )
            for item in media_items()
            for key in [hash_of(VERSION, item.sha256, made_by)]
        ]
        results = run_jobs("lld", jobs, params.execution, unit="s of sound")
        assemble(LLD, results, {"settings": settings.model_dump()})


def extract(path: Path, settings: LLDSettings, key: str, out: Path) -> None:
    """Describe the sound of one file."""
    import opensmile

    from features.extractors.lld import extract_lld, names
    from features.extractors.presence import sound_present
    from features.media.decoding import SAMPLE_RATE, sound

    samples, start = sound(path)
    lld = extract_lld(samples, settings)
    present = sound_present(samples, len(lld), **settings.silence.model_dump())
    attributes = {
        "key": key,
        "settings": settings.model_dump(),
        "opensmile": opensmile.__version__,
        "names": list(names(settings)),
        "start": start,
        "duration": len(samples) / SAMPLE_RATE,
    }
    write_item(out, {"lld": lld, "present": present}, attributes)


if __name__ == "__main__":
    main()
