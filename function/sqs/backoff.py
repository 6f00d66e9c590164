"""How long a message that failed stays out of sight.

Exponential with full jitter: messages that failed together do not come back together.
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from function.limits import BACKOFF_BASE_SECONDS, MAX_BACKOFF_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable


def visibility_seconds(
    receives: int,
    draw: Callable[[], float],
    base_seconds: float = BACKOFF_BASE_SECONDS,
    longest_seconds: float = MAX_BACKOFF_SECONDS,
) -> int:
    """Return the visibility timeout of a message that is kept, in seconds.

    Args:
        receives: how often the message has been delivered, at least 1.
        draw: gives a number from 0 to 1, such as `random.random`.
        base_seconds: the longest wait after the first delivery.
        longest_seconds: the longest wait of all.
    """
    # Doubled in logarithms: the thousandth delivery must not raise 2 to its power.
    doublings = min(max(receives, 1) - 1, math.log2(longest_seconds / base_seconds))
    longest = min(longest_seconds, base_seconds * 2**doublings)
    return max(1, math.ceil(longest * draw()))
