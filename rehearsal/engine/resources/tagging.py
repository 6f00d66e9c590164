"""Changes the tags of a resource whose service has TagResource and UntagResource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.engine.resource_types import CreateContext


def update_tags(client: Any, context: CreateContext, arn: str) -> None:  # noqa: ANN401 - as boto3
    """Write the tags that changed, and take those away that are gone."""
    changed, removed = context.changed_tags()
    if changed:
        tags = [{"Key": key, "Value": value} for key, value in changed.items()]
        client.tag_resource(ResourceARN=arn, Tags=tags)
    if removed:
        client.untag_resource(ResourceARN=arn, TagKeys=removed)
