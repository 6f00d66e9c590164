"""Resources made bad on purpose: a scan that does not report every one of them sees nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.recorder import Registered

# The name of the stack that the bad resources are in.
CONTROL: Final = "control"


@dataclass(frozen=True, kw_only=True)
class Control:
    """One resource without one of its guards.

    Attributes:
        type: The resource's type.
        check: The check of the scanner that has to fail.
        inputs: The inputs that are changed; None for one that is taken away.
    """

    type: str
    check: str
    inputs: Mapping[str, Any]


_ANYBODY: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
)
_ANYTHING: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)

# One for each kind of resource that a guard of the kit protects.
CONTROLS: Final = (
    Control(type="kms/key:Key", check="CKV_AWS_7", inputs={"enableKeyRotation": False}),
    # The settings of a bucket are resources of their own, which refer to another bucket.
    Control(type="s3/bucket:Bucket", check="CKV2_AWS_6", inputs={"bucket": "control"}),
    Control(type="sqs/queue:Queue", check="CKV_AWS_27", inputs={"kmsMasterKeyId": None}),
    Control(type="sns/topic:Topic", check="CKV_AWS_26", inputs={"kmsMasterKeyId": None}),
    Control(type="dynamodb/table:Table", check="CKV_AWS_28", inputs={"pointInTimeRecovery": None}),
    Control(type="cloudwatch/logGroup:LogGroup", check="CKV_AWS_158", inputs={"kmsKeyId": None}),
    Control(type="lambda/function:Function", check="CKV_AWS_173", inputs={"kmsKeyArn": None}),
    Control(type="iam/role:Role", check="CKV_AWS_60", inputs={"assumeRolePolicy": _ANYBODY}),
    Control(type="iam/rolePolicy:RolePolicy", check="CKV_AWS_62", inputs={"policy": _ANYTHING}),
)


def bad_resources(resources: Mapping[str, Registered]) -> dict[str, Registered]:
    """Return a bad copy of one resource for each control, by `control <type> <check>`."""
    bad = {}
    for control in CONTROLS:
        good = next(one for one in resources.values() if one.type == control.type)
        inputs = {**good.inputs, **control.inputs}
        bad[f"{CONTROL} {control.type} {control.check}"] = replace(
            good,
            name=control.check,
            inputs={name: value for name, value in inputs.items() if value is not None},
            # Nothing refers to a control.
            outputs={name: f"{CONTROL}-{name}" for name in good.outputs},
        )
    return bad
