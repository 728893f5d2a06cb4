"""The table of corpora: a row and a module each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from features.settings import Modality, Settings
from features.tables import Row, Table


@dataclass(frozen=True, kw_only=True)
class CorpusRow(Row):
    """A corpus; its code is a `features.corpora.item.Reader`.

    Attributes:
        settings: class of its section in params.yaml, `corpus.<name>`, as `package.module:Class`;
            empty where there is nothing to set.
        synthetic: faces and voices are made up, on the spot: it reads nothing from `corpus.root`.
        gives: modality of each stream of features that it can give instead of media, by name.
    """

    settings: str = ""
    synthetic: bool = False
    gives: Mapping[str, Modality] = field(default_factory=dict)

    def settings_class(self) -> type[Settings]:
        """The class of its section."""
        if not self.settings:
            return Settings
        loaded: type[Settings] = Row(code=self.settings).load()
        return loaded


CORPORA = Table(
    "corpus",
    {
        "demo": CorpusRow(
            code="features.corpora.demo.corpus:read",
            title="synthetic talking faces, made on the spot",
            settings="features.corpora.settings:DemoSettings",
            synthetic=True,
        ),
        "folder": CorpusRow(
            code="features.corpora.folder:read",
            title="any folder of videos or features, with or without an items.csv",
            settings="features.corpora.settings:FolderSettings",
        ),
        "simulated": CorpusRow(
            code="features.corpora.simulated:read",
            title="synthetic features of known truth, made on the spot",
            settings="features.corpora.settings:SimulatedSettings",
            synthetic=True,
            gives={"picture": "video", "sound": "audio"},
        ),
        "affwild2": CorpusRow(
            code="features.corpora.affwild2:read",
            title="Aff-Wild2, valence and arousal of every frame",
            settings="features.corpora.settings:AffWild2Settings",
        ),
        "cremad": CorpusRow(
            code="features.corpora.cremad:read",
            title="CREMA-D, six emotions of acted sentences",
            settings="features.corpora.settings:CremadSettings",
        ),
        "msp_improv": CorpusRow(
            code="features.corpora.msp_improv:read",
            title="MSP-IMPROV, emotions or attributes of improvised turns",
            settings="features.corpora.settings:MspImprovSettings",
        ),
        "ravdess": CorpusRow(
            code="features.corpora.ravdess:read",
            title="RAVDESS, eight emotions of acted speech",
            settings="features.corpora.settings:RavdessSettings",
        ),
        "cmu_mosei": CorpusRow(
            code="features.corpora.cmu_mosei:read",
            title="CMU-MOSEI or MOSI, sentiment of sentences, as features",
            settings="features.corpora.settings:CmuMoseiSettings",
            gives={"facet": "video", "openface": "video", "covarep": "audio"},
        ),
        "mmsa": CorpusRow(
            code="features.corpora.mmsa:read",
            title="MOSI, MOSEI or SIMS in a pickle of MMSA, sentiment of sentences, as features",
            settings="features.corpora.settings:MmsaSettings",
            gives={"vision": "video", "audio": "audio"},
        ),
        "merbench": CorpusRow(
            code="features.corpora.merbench:read",
            title="folders of features and a label file as MERBench lays them out",
            settings="features.corpora.settings:MerbenchSettings",
        ),
    },
    of_user=lambda code: CorpusRow(code=code, title=code),
)
