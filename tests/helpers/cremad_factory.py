"""A corpus in CREMA-D's layout whose clips are those of the demo: made-up faces and voices."""

from itertools import cycle
from pathlib import Path

import av

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings

SENTENCES = ("IEO", "TIE", "IOM")
VOTES = ("A", "H", "S", "H:N", "A", "S")
"""Of one clip after the other; a tie is left out."""


def make_cremad(root: Path, *, actors: int) -> Path:
    """Write three clips of a second of every actor, and the table of votes."""
    settings = DemoSettings(
        speakers=actors, clips=actors * len(SENTENCES), seconds=1.0, fps=10, seed=1
    )
    videos, tables, made = (root / name for name in ("VideoFlash", "processedResults", "made"))
    for folder in (videos, tables, made / "labels", made / "truth"):
        folder.mkdir(parents=True)
    rows, votes = ['"","FileName","VoiceVote","FaceVote","MultiModalVote"'], cycle(VOTES)
    for index in range(settings.clips):
        clip = make_clip(made, settings, index)
        actor, sentence = 1001 + index % actors, SENTENCES[index // actors]
        name = f"{actor}_{sentence}_ANG_XX"
        put_into(made / clip["path"], videos / f"{name}.flv")
        rows.append(f'"{index + 1}","{name}","N","N","{next(votes)}"')
    (tables / "summaryTable.csv").write_text("\n".join(rows) + "\n")
    return root


def put_into(source: Path, target: Path) -> None:
    """Put the streams of a file into another container, as they are coded."""
    with av.open(str(source)) as given, av.open(str(target), "w") as other:
        streams = {s.index: other.add_stream_from_template(s) for s in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                other.mux(packet)
