"""JSON documents, written so that a second deployment has nothing to change."""

from __future__ import annotations

from typing import Any

from pulumi import Output


def to_json(document: dict[str, Any]) -> Output[str]:
    """Return a document as JSON without white space, its keys sorted.

    AWS returns some documents in this form. The AWS provider compares text, and would report a
    difference for anything else.

    Args:
        document: The document; its values may be outputs.
    """
    return Output.json_dumps(document, separators=(",", ":"), sort_keys=True)
