"""The scan of the registered resources sees them, and reports what nobody accepted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools import scan_plan
from tools.registrations import register
from tools.scan import ACCEPTED, problems
from tools.scan_controls import CONTROLS, bad_resources
from tools.terraform_plan import render, terraform_type

if TYPE_CHECKING:
    from pathlib import Path

    from tools.recorder import Registered

CONTROL = {"aws_sqs_queue.control_CKV_AWS_27": "CKV_AWS_27"}


@pytest.fixture(scope="module")
def resources() -> dict[str, Registered]:
    return dict(register().resources)


def failure(resource: str, check: str) -> dict[str, str]:
    return {"resource": resource, "check_id": check, "check_name": "what it checks"}


def report(*failures: dict[str, str], parsing_errors: int = 0) -> dict[str, Any]:
    accepted = [failure(pattern.replace("*", "dev_"), check) for check, pattern in ACCEPTED]
    controls = [failure(resource, check) for resource, check in CONTROL.items()]
    return {
        "summary": {"parsing_errors": parsing_errors},
        "results": {"failed_checks": [*accepted, *controls, *failures]},
    }


def test_a_report_with_accepted_failures_alone_is_fine() -> None:
    assert problems(report(), CONTROL) == []


def test_a_failure_that_nobody_accepted_is_reported() -> None:
    found = problems(report(failure("aws_sns_topic.dev_topic", "CKV_AWS_26")), CONTROL)
    assert found == ["aws_sns_topic.dev_topic: CKV_AWS_26 what it checks"]


def test_a_failure_is_accepted_for_its_type_alone() -> None:
    (check, _), *_ = ACCEPTED
    assert problems(report(failure("aws_kms_key.dev_key", check)), CONTROL)


def test_a_failure_that_occurs_no_more_is_not_accepted_any_longer() -> None:
    (check, pattern), *_ = ACCEPTED
    fewer = report()
    del fewer["results"]["failed_checks"][0]
    assert problems(fewer, CONTROL) == [
        f"{check} of {pattern} is accepted in tools/scan.py and fails no more; remove it there"
    ]


def test_a_scan_that_does_not_see_a_bad_resource_fails() -> None:
    blind = report()
    blind["results"]["failed_checks"] = blind["results"]["failed_checks"][: len(ACCEPTED)]
    (problem,) = problems(blind, CONTROL)
    assert problem.endswith("made bad on purpose; the scan is blind")


def test_a_plan_that_cannot_be_read_fails() -> None:
    assert problems(report(parsing_errors=1), CONTROL) == [
        "checkov could not read the plan; expected no parsing errors"
    ]


def test_every_kind_of_resource_with_data_or_rights_has_a_control(
    resources: dict[str, Registered],
) -> None:
    guarded = {
        resource.type
        for resource in resources.values()
        if {"policy", "assumeRolePolicy", "kmsKeyId", "kmsMasterKeyId", "kmsKeyArn"}
        & resource.inputs.keys()
    }
    # What only carries a policy or an object belongs to one of the kinds that have a control.
    parts = {"iam/policy:Policy", "s3/bucketObjectv2:BucketObjectv2"}
    policies = {type_ for type_ in guarded if type_.endswith("Policy")}
    assert guarded - parts - policies <= {control.type for control in CONTROLS}


def test_a_control_is_worse_than_what_it_was_made_of(resources: dict[str, Registered]) -> None:
    for bad in bad_resources(resources).values():
        good = [one.inputs for one in resources.values() if one.type == bad.type]
        assert bad.inputs not in good


def test_the_plan_has_every_resource_once(resources: dict[str, Registered]) -> None:
    plan = render(resources)
    addresses = [one["address"] for one in plan["resource_changes"]]
    assert len(set(addresses)) == len(addresses) == len(resources)


def test_the_plan_is_written_as_terraform_writes_it(resources: dict[str, Registered]) -> None:
    changes = {one["address"]: one for one in render(resources)["resource_changes"]}
    table = changes["aws_dynamodb_table.dev_ecs-run-task-dev-ledger"]["change"]["after"]
    assert {"name": "key", "type": "S"} in table["attribute"]
    assert table["server_side_encryption"][0]["enabled"] is True
    function = changes["aws_lambda_function.dev_ecs-run-task-dev"]["change"]["after"]
    assert function["environment"][0]["variables"]["STAGE"] == "dev"


def test_a_setting_refers_to_its_bucket(resources: dict[str, Registered]) -> None:
    configured = {
        one["address"]: one["expressions"]
        for one in render(resources)["configuration"]["root_module"]["resources"]
    }
    target = "aws_s3_bucket.dev-bootstrap_ecs-run-task-artifacts"
    for kind in ("public_access_block", "versioning", "policy"):
        references = [
            expressions["bucket"]["references"]
            for key, expressions in configured.items()
            if key.startswith(f"aws_s3_bucket_{kind}.dev-")
        ]
        assert [f"{target}.id", target] in references


@pytest.mark.parametrize(
    ("pulumi", "terraform"),
    [
        ("sqs/queue:Queue", "aws_sqs_queue"),
        ("s3/bucketObjectv2:BucketObjectv2", "aws_s3_object"),
        ("lambda/eventSourceMapping:EventSourceMapping", "aws_lambda_event_source_mapping"),
        ("iam/openIdConnectProvider:OpenIdConnectProvider", "aws_iam_openid_connect_provider"),
    ],
)
def test_a_type_has_terraforms_name(pulumi: str, terraform: str) -> None:
    assert terraform_type(pulumi) == terraform


def test_the_plan_and_its_controls_are_written_for_the_scan(tmp_path: Path) -> None:
    scan_plan.main(str(tmp_path))
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    controls = json.loads((tmp_path / "controls.json").read_text(encoding="utf-8"))
    addresses = {one["address"] for one in plan["resource_changes"]}
    assert controls.keys() <= addresses
    assert len(controls) == len(CONTROLS)
