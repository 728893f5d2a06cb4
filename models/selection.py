"""Which of many places are worth computing: on a processor those that count, elsewhere all."""

import torch
from torch import Tensor


def worth_computing(chosen: Tensor) -> Tensor:
    """The places of what is chosen, (n,) int64; on any device but a processor all places.

    To know how many are chosen, a GPU would have to be waited for, and it computes all of them in
    less time. So whoever asks takes out of what is computed what is not chosen.

    Args:
        chosen: (N,) bool.

    >>> worth_computing(torch.tensor([False, True, True])).tolist()
    [1, 2]
    """
    if chosen.device.type == "cpu":
        return chosen.nonzero().squeeze(1)
    return torch.arange(chosen.shape[0], device=chosen.device)
