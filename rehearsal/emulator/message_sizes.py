"""The size of a message includes its attributes: name, data type and value.

MiniStack compares the body alone with the queue's MaximumMessageSize.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

from __future__ import annotations

from typing import Any, Final

from rehearsal.emulator import ministack_internals

# What a queue takes at most, and by default.
MAX_MESSAGE_BYTES: Final = 1_048_576


def install() -> None:
    """Replace how MiniStack takes a message, alone or in a batch."""
    sqs = ministack_internals.sqs
    send = sqs._act_send_message  # noqa: SLF001 - see ministack_internals

    def send_checked(request: dict[str, Any], url: str) -> Any:  # noqa: ANN401 - JSON
        queue = ministack_internals.queues.get(request.get("QueueUrl", url))
        attributes = queue["attributes"] if queue else {}
        limit = int(attributes.get("MaximumMessageSize", MAX_MESSAGE_BYTES))
        if message_bytes(request) > limit:
            raise sqs._Err(  # noqa: SLF001 - see ministack_internals
                "InvalidParameterValue",
                "One or more parameters are invalid. Reason: Message must be shorter than "
                f"{limit} bytes.",
            )
        return send(request, url)

    sqs._act_send_message = send_checked  # noqa: SLF001 - see ministack_internals
    sqs._HANDLERS["SendMessage"] = send_checked  # noqa: SLF001 - see ministack_internals


def message_bytes(request: dict[str, Any]) -> int:
    """Return the size of a message as SQS counts it."""
    size = len((request.get("MessageBody") or "").encode())
    for name, attribute in (request.get("MessageAttributes") or {}).items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or ""
        size += len(name.encode()) + len(str(attribute.get("DataType", "")).encode())
        size += len(value if isinstance(value, bytes) else str(value).encode())
    return size
