"""Receipt handles: a message that is visible is not in flight, and its visibility cannot change.

MiniStack takes the handle of the last receipt at any time. That a handle of an earlier invocation
counts until the message is received again is as in SQS.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
"""

from __future__ import annotations

import time
from typing import Any

from rehearsal.emulator import ministack_internals


def install() -> None:
    """Replace how MiniStack changes the visibility of a message."""
    sqs = ministack_internals.sqs
    change = sqs._act_change_visibility  # noqa: SLF001 - see ministack_internals

    def change_checked(request: dict[str, Any], url: str) -> Any:  # noqa: ANN401 - JSON
        queue = sqs._get_q(request.get("QueueUrl", url), "sqs:ChangeMessageVisibility")  # noqa: SLF001 - see ministack_internals
        handle = request.get("ReceiptHandle")
        found = next((m for m in queue["messages"] if m.get("receipt_handle") == handle), None)
        if handle and found and found["visible_at"] <= time.time():
            raise sqs._Err("MessageNotInflight", "The message is not in flight.")  # noqa: SLF001 - see ministack_internals
        return change(request, url)

    sqs._act_change_visibility = change_checked  # noqa: SLF001 - see ministack_internals
    sqs._HANDLERS["ChangeMessageVisibility"] = change_checked  # noqa: SLF001 - see ministack_internals
