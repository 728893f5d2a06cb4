"""The corpus that params.yaml names, as its reader gives it."""

from pathlib import Path

from features.corpora.annotators import without_delay
from features.corpora.corpus_settings import CorpusSettings
from features.corpora.item import Corpus, Reader, Work
from features.corpora.paths import following_links
from features.corpora.splits import with_validation
from features.errors import InputError


def read_corpus(settings: CorpusSettings, work: Work) -> Corpus:
    """Read a corpus; one that is made on the spot is made first.

    Where the corpus has no validation split, some of its labelled training speakers become one.

    Args:
        settings: which corpus, and where.
        work: how to work where that takes long.

    Raises:
        InputError: the corpus is not what its reader expects, or a reader of the user's own cannot
            be loaded or gives something else.
    """
    read: Reader = settings.row.load()
    if not callable(read):
        raise InputError(
            f"{settings.name} is no function",
            "name a function as features.corpora.item.Reader describes it",
        )
    with following_links(settings.links == "follow"):
        corpus = read(Path(settings.root), settings.section, settings.split, work)
    if not isinstance(corpus, Corpus):
        raise InputError(
            f"{settings.name} returns {type(corpus).__name__}, not a Corpus",
            "have it return a features.corpora.item.Corpus",
        )
    if settings.label_delay:
        corpus = without_delay(corpus, settings.label_delay)
    # Settings of a synthetic corpus say how many speakers each split has.
    return corpus if settings.is_synthetic else with_validation(corpus, settings.split)
