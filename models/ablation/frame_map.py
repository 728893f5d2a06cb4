"""What ablation makes of a clip's frames, apart from how it was drawn."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from models.selection import worth_computing


@dataclass(frozen=True)
class FrameMap:
    """What every frame of a clip becomes: another frame of the clip, or something else.

    Attributes:
        source: (clips, frames) int64, the frame that is shown.
        empty: (clips, frames) bool, True where no frame is shown.
        filling: what is shown there: zeros, noise, the features of a blank face, or features that
            are given for what was received.
        gain: (clips, 1 or frames), what every frame is multiplied by; None for 1.
        blend: a second frame (clips, frames) int64, and its share (clips, frames) in what is shown;
            None for none.
    """

    source: Tensor
    empty: Tensor
    filling: Literal["zero", "noise", "blank", "given"] = "zero"
    gain: Tensor | None = None
    blend: tuple[Tensor, Tensor] | None = None

    def apply(
        self, x: Tensor, filling: Tensor | None = None, origin: Tensor | None = None
    ) -> Tensor:
        """Apply to `x`, features of frames or what an affine map has made of them.

        An affine map L of each frame commutes with this:
        L(apply(x, filling)) = apply(L(x), L(filling), L(0)).

        Args:
            x: (clips, frames, features).
            filling: stands where no frame is shown, broadcast to `x`; by default the origin.
            origin: (features,), what zeros have become, from which the gain reckons; by default
                zeros.

        >>> x = torch.tensor([[[1.0], [2.0], [3.0]]])
        >>> empty = torch.tensor([[False, False, True]])
        >>> FrameMap(torch.tensor([[0, 0, 2]]), empty).apply(x).flatten().tolist()
        [1.0, 1.0, 0.0]
        """
        # Whole rows are copied, and only those that are shown: a batch of features is 50 MB.
        shown = worth_computing((~self.empty).flatten())
        first = torch.arange(len(x), device=x.device).unsqueeze(1) * x.shape[1]
        rows = x.flatten(0, 1).index_select(0, (self.source + first).flatten()[shown])
        if self.blend is not None:
            second, share = (t.flatten()[shown] for t in (self.blend[0] + first, self.blend[1]))
            other = x.flatten(0, 1).index_select(0, second)
            rows = torch.lerp(rows, other, share.unsqueeze(1).to(x.dtype))
        origin = x.new_zeros(()) if origin is None else origin.to(x.dtype)
        fill = origin if filling is None else filling.to(x.dtype)
        if len(rows) == self.empty.numel():
            out = torch.where(self.empty.unsqueeze(-1), fill, rows.view_as(x))
        else:
            out = fill.expand_as(x).clone(memory_format=torch.contiguous_format)
            out.flatten(0, 1).index_copy_(0, shown, rows)
        if self.gain is None:
            return out
        return torch.lerp(origin.expand_as(out), out, self.gain.unsqueeze(-1).to(x.dtype))

    def present(self, present: Tensor) -> Tensor:
        """Which frames are there afterwards, (clips, frames).

        A repeated frame is there if the one that it repeats was. Noise and blank faces arrive like
        any frame: nobody knows that they are not real ones.

        Args:
            present: (clips, frames) bool, those that are there before; False for padding.
        """
        received = present.gather(1, self.source)
        if self.filling == "given":
            return received
        return received & ~self.empty if self.filling == "zero" else received | self.empty

    def runs(self, runs: Tensor) -> Tensor:
        """The runs of equal frames (`runs_of`) afterwards, (clips, frames).

        Args:
            runs: (clips, frames) int64, those before.
        """
        # Blank faces and zeros are as good as each other, noise is never the same.
        fresh, unlike = torch.full_like(runs, -1), torch.arange(runs.shape[1], device=runs.device)
        if self.filling in ("noise", "given"):
            fresh = fresh - unlike
        shown = runs.gather(1, self.source)
        if self.blend is not None:
            shown = torch.where(self.blend[1] > 0, -2 - unlike - len(unlike), shown)
        return torch.where(self.empty, fresh, shown)

    def imputed(self, how: str, present: Tensor) -> "FrameMap":
        """Empty frames replaced by what is shown around them; empty if nothing is.

        That fills what was taken away. A frame that never was there is neither filled nor shown in
        place of another.

        Args:
            how: `hold` for the last one, `nearest`, or `linear` for the line from the last to the
                next one, of which one stands where there is no other.
            present: (clips, frames) bool, those that are there before; False for padding.
        """
        shown = ~self.empty & present
        index = torch.arange(present.shape[1], device=present.device).expand_as(present)
        last = latest(shown)
        if how == "hold":
            return self._filled_from(last, last >= 0, present)
        some = shown.any(1, keepdim=True)
        if how == "nearest":
            return self._filled_from(nearest(shown), some, present)
        frames = present.shape[1]
        following = torch.where(shown, index, frames).flip(1).cummin(1).values.flip(1)
        first = torch.where(last >= 0, last, following.clamp(max=frames - 1))
        second = torch.where(following < frames, following, first)
        share = (index - first) / (second - first).clamp(min=1)
        filled = self._filled_from(first, some, present)
        is_new = self.empty & ~filled.empty
        second = torch.where(is_new, self.source.gather(1, second), filled.source)
        return replace(filled, blend=(second, torch.where(is_new, share, 0.0)))

    def _filled_from(self, chosen: Tensor, reachable: Tensor, present: Tensor) -> "FrameMap":
        """Empty frames that show others, by their indices, where these can be reached."""
        filled = self.empty & reachable & present
        source = torch.where(filled, self.source.gather(1, chosen.clamp(min=0)), self.source)
        return replace(self, source=source, empty=self.empty & ~filled)

    def at(self, place: Tensor) -> "FrameMap":
        """What rows become that lie within these frames: each takes the fate of its frame.

        Where another frame is shown, a row shows the last one of that frame, or of those before.

        Args:
            place: (clips, rows) int64, the frame of each row, not decreasing; before the first one
                or beyond the last for padding, which stays as it is.

        >>> repeat = FrameMap(torch.tensor([[0, 0]]), torch.tensor([[False, False]]))
        >>> repeat.at(torch.tensor([[0, 0, 1, 1]])).source.tolist()
        [[0, 1, 1, 1]]
        """
        frames = self.source.shape[1]
        real, within = (place >= 0) & (place < frames), place.clamp(0, frames - 1)
        shown = self.source.gather(1, within)
        row = torch.arange(place.shape[1], device=place.device)
        last = torch.searchsorted(place.contiguous(), shown, right=True) - 1
        stays = ~real | (shown == within)
        gain = self.gain
        if gain is not None:
            of_rows = gain.expand(-1, frames).gather(1, within)
            gain = torch.where(real, of_rows, 1.0)
        return replace(
            self,
            source=torch.where(stays, row, last.clamp(min=0)),
            empty=self.empty.gather(1, within) & real,
            gain=gain,
        )


@dataclass(frozen=True)
class Lost:
    """What a modality has lost of its frames.

    Attributes:
        frame_map: what every frame becomes.
        filling: stands where none is shown, broadcast to the features of the frames; None for
            zeros.
    """

    frame_map: FrameMap
    filling: Tensor | None = None

    def present(self, present: Tensor) -> Tensor:
        """Which frames are there afterwards, as `FrameMap.present`."""
        return self.frame_map.present(present)


@dataclass(frozen=True)
class LostRows:
    """What a modality is given whose rows were lost before their context was gathered.

    Attributes:
        inputs: (clips, steps, features).
        received: (clips, steps) bool, the steps that are there.
    """

    inputs: Tensor
    received: Tensor

    def present(self, _: Tensor) -> Tensor:
        """Which steps are there."""
        return self.received


_GLANCE = 64
"""One of so many features is looked at to tell frames apart."""


def runs_of(x: Tensor) -> Tensor:
    """(clips, frames) int64, the same number for neighbours equal in every feature of `x`.

    Args:
        x: (clips, frames, features) as they arrive: equal frames need not be equal to the last bit
            once they are projected.

    >>> runs_of(torch.tensor([[[1.0], [1.0], [2.0]]])).tolist()
    [[0, 0, 1]]
    """
    if torch.compiler.is_exporting():  # the shapes of a graph do not depend on its input
        same = (x[:, 1:] == x[:, :-1]).all(-1)
        return torch.cat((same.new_zeros(x.shape[0], 1), ~same), dim=1).cumsum(1)
    same = (x[:, 1:, ::_GLANCE] == x[:, :-1, ::_GLANCE]).all(-1)
    place = worth_computing(same.flatten())
    clip, frame = place // same.shape[1], place % same.shape[1]
    same[clip, frame] = (x[clip, frame + 1] == x[clip, frame]).all(-1)
    return torch.cat((same.new_zeros(x.shape[0], 1), ~same), dim=1).cumsum(1)


def repeats(runs: Tensor) -> Tensor:
    """(clips, frames) bool, whether a frame is of the same run as the one before.

    >>> repeats(torch.tensor([[0, 0, 1, 1, 1]])).tolist()
    [[False, True, False, True, True]]
    """
    same = runs[:, 1:] == runs[:, :-1]
    return torch.cat((same.new_zeros(runs.shape[0], 1), same), dim=1)


def latest(present: Tensor) -> Tensor:
    """(clips, frames) int64, the last present frame up to each; -1 where there is none yet.

    Args:
        present: (clips, frames) bool.

    >>> latest(torch.tensor([[False, True, False, True]])).tolist()
    [[-1, 1, 1, 3]]
    """
    clips, frames = present.shape
    index = torch.arange(frames, device=present.device).expand_as(present)
    # ONNX has no running maximum: place r holds the r-th present frame, the last one any other.
    rank = present.long().cumsum(1)
    places = torch.full((clips, frames + 2), -1, device=present.device)
    places = places.scatter(1, torch.where(present, rank, frames + 1), index)
    return places.gather(1, rank)


def nearest(present: Tensor) -> Tensor:
    """(clips, frames) int64, the nearest present frame to each; its own index where none is.

    Of two as near the earlier one is taken.

    >>> nearest(torch.tensor([[True, False, False, False, True]])).tolist()
    [[0, 0, 0, 4, 4]]
    """
    frames = present.shape[1]
    index = torch.arange(frames, device=present.device).expand_as(present)
    before, after = latest(present), frames - 1 - latest(present.flip(1)).flip(1)
    # Far away on either side where no frame is present: no index is nearer than an absent one.
    before = torch.where(before < 0, -frames - 1, before)
    after = torch.where(after >= frames, 3 * frames, after)
    chosen = torch.where(index - before <= after - index, before, after)
    return torch.where(present.any(1, keepdim=True), chosen, index)
