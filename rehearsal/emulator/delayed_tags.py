"""Tags take effect late: a condition on `aws:ResourceTag` sees the old tags for a while.

For KMS keys AWS names up to five minutes. A permission that hangs on a tag fails here, as it would
there. https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rehearsal.emulator import ministack_internals

if TYPE_CHECKING:
    from collections.abc import Callable

Tags = dict[str, str]


@dataclass(kw_only=True)
class _Delayed:
    """The tags of one resource.

    Attributes:
        effective: The tags that conditions see.
        written: The tags that the resource has.
        calls_left: How many more evaluations see the old tags.
    """

    effective: Tags = field(default_factory=dict)
    written: Tags = field(default_factory=dict)
    calls_left: int = 0


class DelayedTags:
    """Shows tags to conditions only after some evaluations.

    Args:
        tags: Returns the tags of a resource by its ARN; None if there is no such resource.
        calls: How many evaluations of a resource's tags see the old ones after a change.
    """

    def __init__(self, tags: Callable[[str], Tags | None], calls: int) -> None:
        self._tags, self._calls = tags, calls
        self._lock = threading.Lock()
        self._resources: dict[str, _Delayed] = {}

    def __call__(self, arn: str) -> Tags | None:
        """Return the tags of a resource that conditions see."""
        written = self._tags(arn)
        if written is None:
            return None
        with self._lock:
            delayed = self._resources.setdefault(arn, _Delayed())
            if written != delayed.written:
                delayed.written, delayed.calls_left = dict(written), self._calls
            if delayed.calls_left:
                delayed.calls_left -= 1
            else:
                delayed.effective = delayed.written
            return delayed.effective


def install(calls: int) -> None:
    """Delay the effect of tags.

    Args:
        calls: How many evaluations of a resource's tags see the old ones after a change.
    """
    # MiniStack looks tags up only if a policy of the principal's own names one; a session policy
    # can name one, too.
    ministack_internals.iam_evaluator._names_condition_key = _always  # noqa: SLF001
    tagging = ministack_internals.tagging
    tagging.resource_tags = DelayedTags(tagging.resource_tags, calls)


def _always(*_: object) -> bool:
    return True
