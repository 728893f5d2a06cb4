"""The corpus that params.yaml names, as its adapter reads it."""

from pathlib import Path

from features.corpora.item import Corpus
from features.corpora.listing import CORPUS
from features.corpora.settings import CorpusSettings
from pipeline.engine.console import progress_bar
from pipeline.engine.execution import ExecutionSettings


def read_corpus(settings: CorpusSettings, execution: ExecutionSettings) -> Corpus:
    """The corpus that params name; the demo corpus is made first.

    Raises:
        InputError: it is not what its adapter expects.
    """
    if settings.name == "simulated":
        from features.corpora import simulated

        return simulated.read(settings.simulated)
    if settings.name == "demo":
        from features.corpora import demo, folder

        root = CORPUS / "demo"
        with progress_bar("demo corpus", unit="clips", total=settings.demo.clips) as advance:
            demo.generate(root, settings.demo, progress=advance, n_jobs=execution.processes)
        return folder.read(root, settings.split)
    assert settings.root is not None  # the schema demands it
    return _read_from(Path(settings.root), settings)


def _read_from(root: Path, settings: CorpusSettings) -> Corpus:
    match settings.name:
        case "affwild2":
            from features.corpora import affwild2

            return affwild2.read(root, settings.affwild2)
        case "cremad":
            from features.corpora import cremad

            return cremad.read(root, settings.cremad, settings.split)
        case "msp_improv":
            from features.corpora import msp_improv

            return msp_improv.read(root, settings.msp_improv, settings.split)
        case "ravdess":
            from features.corpora import ravdess

            return ravdess.read(root, settings.ravdess)
        case "cmu_mosei":
            from features.corpora import cmu_mosei

            return cmu_mosei.read(root, settings.cmu_mosei, settings.split)
        case _:
            from features.corpora import folder

            return folder.read(root, settings.split)
