"""Phases of training: what is learnt after what, and by which losses.

A network states its phases in a method `phases(objective)`, an operator of a strategy in an
attribute of that name, a function `phases(network, objective)`; a strategy's come first. By default
there is one phase of one update, whose loss is the objective: the labels', and the teachers' where
there are any. A phase begins from the weights that the phase before has chosen, with new
optimizers. A loss that remembers something from step to step is a torch module, and what it
remembers its buffers: they are in the checkpoint of an unfinished training.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

    from features.settings import Modality
    from models.ablation.frame_map import Lost, LostRows
    from models.networks.stream import Outputs
    from models.training.batch import Batch

EVERYTHING = ("",)
"""The beginnings of names that all parameters have."""


@dataclass(frozen=True)
class Lossy:
    """A batch that has lost something.

    Attributes:
        batch: with its labels; copies of samples follow each other.
        inputs: (samples, frames, features) by modality, before anything is lost.
        lost: the part of it that the network is not given.
    """

    batch: "Batch"
    inputs: "Mapping[Modality, Tensor]"
    lost: "Mapping[Modality, Lost | LostRows]"

    def whole(self, modality: "Modality") -> "Tensor":
        """(clips, frames, features) of a modality before anything is lost."""
        x = self.inputs[modality]
        return x.repeat(len(self.batch.item) // len(x), 1, 1)

    def present(self, modality: "Modality") -> "Tensor":
        """(clips, frames) bool, what is left of a modality."""
        received, part = self.batch.received()[modality], self.lost.get(modality)
        return received if part is None else part.present(received)

    def answered(self, *, per_frame: bool) -> "Tensor":
        """(clips, frames) bool, what a network answers: real frames; of sequences (clips, 1)."""
        return self.batch.mask if per_frame else self.batch.mask.any(1, keepdim=True)

    def counting(self, clips: "Tensor") -> "Lossy":
        """The same with no labels but those of some clips, (clips,) bool."""
        valid = self.batch.valid & clips[:, None]
        return replace(self, batch=replace(self.batch, valid=valid))


Loss = Callable[["Outputs", Lossy], "Tensor"]
"""A scalar with gradients, of what a network makes of a batch."""


@dataclass(frozen=True)
class Update:
    """One step of an optimizer of its own on every batch.

    Attributes:
        loss: what it lowers.
        parameters: beginnings of the names of those it moves, among those of its phase.
        complete: whether it sees batches of which nothing is lost.
    """

    loss: Loss
    parameters: tuple[str, ...] = EVERYTHING
    complete: bool = False


@dataclass(frozen=True)
class Phase:
    """A stretch of training.

    Attributes:
        name: for people.
        updates: of every step, one after the other, each with outputs of its own.
        epochs: at most so many; None for as many as `train.epochs`.
        parameters: beginnings of the names of those that are trained; the others stay as they are.
        begin: called before the phase, when the network has the weights to begin from; also where
            an unfinished phase goes on, before its losses get back what they remembered.
    """

    name: str
    updates: tuple[Update, ...]
    epochs: int | None = None
    parameters: tuple[str, ...] = EVERYTHING
    begin: Callable[[], None] = lambda: None

    def within(self, prefix: str) -> "Phase":
        """The same phase of a network that is a part of another.

        >>> Phase("head", (Update(max),), parameters=("head.",)).within("network.").parameters
        ('network.head.',)
        """
        updates = tuple(
            replace(u, parameters=tuple(prefix + name for name in u.parameters))
            for u in self.updates
        )
        names = tuple(prefix + name for name in self.parameters)
        return replace(self, updates=updates, parameters=names)

    def moved_by(self, update: Update, network: "nn.Module") -> "list[nn.Parameter]":
        """The parameters of a network that an update moves.

        Raises:
            ValueError: the network has no such parameters.
        """
        moved = [
            parameter
            for name, parameter in network.named_parameters()
            if name.startswith(self.parameters) and name.startswith(update.parameters)
        ]
        if not moved:
            raise ValueError(f"phase {self.name} has an update that moves no parameter")
        return moved


def one_phase(objective: Loss) -> tuple[Phase, ...]:
    """The phases of a network that states none."""
    return (Phase("train", (Update(objective),)),)
