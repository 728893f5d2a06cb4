"""One model of the comparison."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model, field_validator, model_validator
from typing_extensions import override

from features.settings import ModelFile, NamedFile, Settings
from models.ablation.registry import STRATEGIES
from models.networks.registry import NETWORKS
from models.settings.ablation import Ablation
from models.settings.presets import PRESETS
from models.settings.saved import model_of

SHARED = ("seeds", "checkpoint_seconds", "network")
"""The training settings that are the same for all models, or have another place."""


FROM, INIT = "from", "init"
BESIDE = {FROM: {FROM, "sees", "network"}, INIT: {INIT, "sees", "network", "train", "ablation"}}
"""What a model that comes from a saved recogniser can say; all else is as the card has it."""


class _ModelSettings(Settings):
    """One model of the comparison: a network, what it sees, and how it is trained to cope.

    Size, options and train come together in `models.settings.resolved.resolve`, which checks them.

    Attributes:
        network: a row of `models.networks.registry.NETWORKS`, or `package.module:Class` of the
            user's own.
        preset: a paper (`models.settings.presets`), whose sizes and training settings stand in for
            those of `train` in params.yaml.
        sees: names of streams, at most one of each modality.
        presence: what a network does about frames that are missing: nothing (`ignored`); leave them
            out (`marked`), by no attention to them and a learned token in their place, or by no
            weight in a mean; or attend to none and put the nearest frame there is in their place
            (`filled`).
        repeats: whether a frame that repeats the one before it exactly counts as missing.
        size: sizes that differ from those of the preset, or of `train.network`.
        options: of the architecture (`models.settings.network`).
        train: training settings that differ from those of the preset, or of `train`; all but
            those of SHARED.
        ablation: the strategy against missing modalities.
        weights: file of published weights that a network of pictures begins from
            (`models.networks.efficientface_weights`); null for random ones.
        init: folder of a saved recogniser, whose weights training begins from. Its card decides
            network, presence, repeats, size and options. Likewise `from`, a name that Python keeps
            for itself: such a model is evaluated as it is, and nothing is trained.
    """

    network: Annotated[str, AfterValidator(NETWORKS.checked)] = "crossmodal"
    preset: Annotated[str, AfterValidator(PRESETS.checked)] | None = None
    sees: list[str] = Field(default=["lld", "fc6"], min_length=1)
    presence: Literal["ignored", "marked", "filled"] = "ignored"
    repeats: Literal["shown", "missing"] = "shown"
    size: dict[str, Any] = Field(default={})
    options: dict[str, Any] = Field(default={})
    train: dict[str, Any] = Field(default={})
    ablation: Ablation = Ablation()
    weights: ModelFile | None = None
    init: str | None = None

    @property
    def saved(self) -> str | None:
        """Folder of the saved recogniser that the model is, `from` in params.yaml."""
        path: str | None = getattr(self, FROM)
        return path

    @override
    def files(self) -> tuple[NamedFile, ...]:
        named = {FROM: self.saved, INIT: self.init}
        return tuple(NamedFile(key, path) for key, path in named.items() if path is not None)

    @model_validator(mode="before")
    @classmethod
    def _is_what_its_card_or_preset_makes_it(cls, data: Any) -> Any:
        # A saved model names all its fields, and needs no preset to be read.
        if not isinstance(data, dict) or data.keys() >= cls.model_fields.keys():
            return data
        for key in (FROM, INIT):
            if isinstance(data.get(key), str):
                return _with_card(key, data)
        preset = data.get("preset")
        return {**PRESETS[preset].model, **data} if preset in list(PRESETS) else data

    @field_validator("train")
    @classmethod
    def _shared_settings_are_not_its_own(cls, train: dict[str, Any]) -> dict[str, Any]:
        for name in SHARED:
            if name in train:
                place = "size" if name == "network" else "the section train, for all models"
                raise ValueError(f"{name} is set in {place}")
        return train

    @model_validator(mode="after")
    def _takes_so_many(self) -> "_ModelSettings":
        counts = NETWORKS[self.network].modalities
        if len(set(self.sees)) != len(self.sees) or len(self.sees) not in counts:
            raise ValueError(
                f"network {self.network} takes {' or '.join(map(str, counts))} streams of "
                f"different modalities, not {self.sees}"
            )
        return self

    @model_validator(mode="after")
    def _presence_is_of_the_network(self) -> "_ModelSettings":
        able = NETWORKS[self.network].presence
        if self.presence not in able:
            raise ValueError(
                f"presence is {self.presence}, but network {self.network} can only have it "
                f"{' or '.join(able)}"
            )
        if self.repeats == "missing" and self.presence == "ignored":
            raise ValueError("repeats are missing, but presence is ignored")
        return self

    @model_validator(mode="after")
    def _network_shows_what_its_strategy_needs(self) -> "_ModelSettings":
        strategy = self.ablation.strategy
        missing = set(STRATEGIES[strategy].needs) - set(NETWORKS[self.network].shows)
        if missing:
            able = [name for name in NETWORKS if not missing - set(NETWORKS[name].shows)]
            raise ValueError(
                f"strategy {strategy} needs the {min(missing)} of a network, which {self.network} "
                f"does not show: choose {', '.join(able)}"
            )
        return self

    @model_validator(mode="after")
    def _weights_are_of_a_network_of_pictures(self) -> "_ModelSettings":
        if self.weights is not None and not NETWORKS[self.network].pictures:
            able = ", ".join(name for name, row in NETWORKS.items() if row.pictures)
            raise ValueError(
                f"weights is set, but network {self.network} has no part of published weights: "
                f"choose {able}, or begin from a saved model by init"
            )
        return self

    @model_validator(mode="after")
    def _sizes_are_of_lacuna_s_networks(self) -> "_ModelSettings":
        if self.size and NETWORKS[self.network].plain:
            raise ValueError(f"size is set, but {self.network} is given its sizes as options")
        return self


def _with_card(key: str, data: dict[str, Any]) -> dict[str, Any]:
    """A model with what the card of its saved recogniser decides.

    Raises:
        ValueError: it says something that the card decides, or the card names a network of the
            user's own that params.yaml does not: a card imports no code by itself.
    """
    more = sorted(data.keys() - BESIDE[key])
    if more:
        raise ValueError(
            f"{more[0]} is set, and the card of the model in {key} decides it: beside {key} there "
            f"can be {', '.join(sorted(BESIDE[key] - {key}))}"
        )
    taken = model_of(data[key])
    network = taken["network"]
    if data.get("network", network if ":" not in network else None) != network:
        raise ValueError(
            f"the model in {key} has network {network}, and a saved model imports none by itself: "
            f"write network: {network} if it is to be"
            if ":" in network
            else f"network is {data['network']}, but the model in {key} is a {network}"
        )
    if key == INIT or ":" in taken["ablation"]["strategy"]:
        del taken["ablation"]
    return {**taken, **data}


if TYPE_CHECKING:

    class ModelSettings(_ModelSettings):
        """`_ModelSettings` with a key `from`."""

else:
    ModelSettings = create_model(
        "ModelSettings",
        __base__=_ModelSettings,
        __doc__="""One model.

        Attributes:
            from: folder of a saved recogniser, which is evaluated as it is.
        """,
        __module__=__name__,
        **{FROM: (str | None, None)},
    )
