"""A copy within S3 takes no condition on what it writes; MiniStack ignores the condition.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals

if TYPE_CHECKING:
    from rehearsal.emulator.request import Response

_CONDITIONS: Final = ("if-match", "if-none-match")


def install() -> None:
    """Replace how MiniStack copies an object."""
    copy = ministack_internals.s3._copy_object  # noqa: SLF001 - see ministack_internals

    def copy_unconditionally(bucket: str, key: str, headers: dict[str, Any]) -> Response:
        answer: Response
        if any(name in headers for name in _CONDITIONS):
            text = "A header you provided implies functionality that is not implemented."
            answer = ministack_internals.s3._error("NotImplemented", text, 501)  # noqa: SLF001 - see ministack_internals
        else:
            answer = copy(bucket, key, headers)
        return answer

    ministack_internals.s3._copy_object = copy_unconditionally  # noqa: SLF001 - see ministack_internals
