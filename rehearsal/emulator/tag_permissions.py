"""Tags that a call sets on what it creates need a permission of their own.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from rehearsal.emulator.request import Request

# Stands for the id of a resource that does not exist yet. It carries no tags, so no condition on
# `aws:ResourceTag` holds.
UNKNOWN_ID: Final = "00000000-0000-0000-0000-000000000000"

# The tags of an object that is uploaded.
_OBJECT_TAGS: Final = "x-amz-tagging"


class TagOnCreate(NamedTuple):
    """The permission that tags of a call ask for.

    Attributes:
        action: The IAM action.
        resource: The resource, as `<service>:<resource>`; empty is the resource of the call itself.
    """

    action: str
    resource: str = ""


# From the pages of the API calls, and the dependent actions in
# https://docs.aws.amazon.com/service-authorization/latest/reference/
_TAG_ON_CREATE: Final[dict[tuple[str, str], TagOnCreate]] = {
    ("dynamodb", "CreateTable"): TagOnCreate("dynamodb:TagResource"),
    ("events", "CreateEventBus"): TagOnCreate("events:TagResource"),
    ("events", "PutRule"): TagOnCreate("events:TagResource"),
    ("iam", "CreateOpenIDConnectProvider"): TagOnCreate("iam:TagOpenIDConnectProvider"),
    ("iam", "CreatePolicy"): TagOnCreate("iam:TagPolicy"),
    ("iam", "CreateRole"): TagOnCreate("iam:TagRole"),
    # The permission cannot be limited to a key, nor by `aws:ResourceTag`: the key is not there yet.
    # https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
    ("kms", "CreateKey"): TagOnCreate("kms:TagResource", f"kms:key/{UNKNOWN_ID}"),
    ("lambda", "CreateEventSourceMapping"): TagOnCreate(
        "lambda:TagResource", f"lambda:event-source-mapping:{UNKNOWN_ID}"
    ),
    ("lambda", "CreateFunction"): TagOnCreate("lambda:TagResource"),
    ("logs", "CreateLogGroup"): TagOnCreate("logs:TagResource"),
    ("monitoring", "PutMetricAlarm"): TagOnCreate("cloudwatch:TagResource"),
    ("s3", "PutObject"): TagOnCreate("s3:PutObjectTagging"),
    ("sns", "CreateTopic"): TagOnCreate("sns:TagResource"),
    ("sqs", "CreateQueue"): TagOnCreate("sqs:TagQueue"),
}


def tag_on_create(request: Request) -> TagOnCreate | None:
    """Return the permission that a call's tags ask for, or None if it sets none."""
    permission = _TAG_ON_CREATE.get((request.service, request.action))
    return permission if permission and _has_tags(request) else None


def tag_context(context: dict[str, Any]) -> dict[str, Any]:
    """Return the condition keys on the tags of a call."""
    return {
        key: value
        for key, value in context.items()
        if key.lower().startswith("aws:requesttag/") or key.lower() == "aws:tagkeys"
    }


def _has_tags(request: Request) -> bool:
    if request.service == "s3":
        return bool(request.headers.get(_OBJECT_TAGS))
    # The query protocol numbers the tags: `Tags.member.1.Key`.
    return any(
        value and name.partition(".")[0].lower() == "tags"
        for name, value in request.parameters.items()
    )
