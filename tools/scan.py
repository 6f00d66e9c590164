"""Judges what checkov reports of the rendered stacks: `python -m tools.scan REPORT`.

It needs nothing but Python, because checkov has an environment of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The prefix of the names of the resources that were made bad on purpose.
_CONTROL: Final = ".control_"

# The failures that are accepted, by check and type of resource, each with its reason. They are on
# the page docs/security.md, too. One that does not occur any more fails the run.
ACCEPTED: Final[Mapping[tuple[str, str], str]] = {
    ("CKV_AWS_18", "aws_s3_bucket"): "access logs are the account's own: `artifactLogBucket`",
    ("CKV_AWS_50", "aws_lambda_function"): "logs and metrics tell each message's way; X-Ray costs",
    ("CKV_AWS_61", "aws_iam_role"): "deployPrincipals may name an account",
    ("CKV_AWS_115", "aws_lambda_function"): (
        "the event source mapping limits the concurrency; reserving would take it from the account"
    ),
    ("CKV_AWS_116", "aws_lambda_function"): (
        "only SQS invokes the function, and the queue has a DLQ; Lambda's is for other invocations"
    ),
    ("CKV_AWS_117", "aws_lambda_function"): (
        "the function calls AWS APIs alone; a VPC would add endpoints and no protection"
    ),
    ("CKV_AWS_144", "aws_s3_bucket"): "an artifact can be built again from its commit, by digest",
    ("CKV_AWS_272", "aws_lambda_function"): "optional: `codeSigningConfigArn`",
    ("CKV_AWS_355", "aws_iam_role_policy"): (
        "actions without a resource; test_iam_documents.py checks each by AWS's reference"
    ),
    ("CKV2_AWS_62", "aws_s3_bucket"): "nothing has to happen when an artifact is stored",
}


def problems(report: Mapping[str, Any], controls: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a report; nothing if every failure is accepted.

    Args:
        report: checkov's report in JSON.
        controls: The check that has to fail for each resource made bad on purpose, by address.
    """
    if report["summary"]["parsing_errors"]:
        return ["checkov could not read the plan; expected no parsing errors"]
    failed = report["results"]["failed_checks"]
    found = {(one["resource"], one["check_id"]) for one in failed}
    unseen = [
        f"{address}: {check} did not fail for a resource made bad on purpose; the scan is blind"
        for address, check in controls.items()
        if (address, check) not in found
    ]
    ours = [one for one in failed if _CONTROL not in one["resource"]]
    refused = [
        f"{one['resource']}: {one['check_id']} {one['check_name']}"
        for one in ours
        if (one["check_id"], _type(one["resource"])) not in ACCEPTED
    ]
    occurring = {(one["check_id"], _type(one["resource"])) for one in ours}
    idle = [
        f"{check} of {type_} is accepted in tools/scan.py and fails no more; remove it there"
        for check, type_ in ACCEPTED
        if (check, type_) not in occurring
    ]
    return [*unseen, *refused, *idle]


def _type(resource: str) -> str:
    return resource.partition(".")[0]


def main(report: str, controls: str) -> None:
    """Print the problems of a report, and exit with 1 if there are any."""
    texts = [Path(path).read_text(encoding="utf-8") for path in (report, controls)]
    parsed, expected = map(json.loads, texts)
    found = problems(parsed, expected)
    if found:
        sys.exit("\n".join(["checkov:", *found]))
    passed = parsed["summary"]["passed"]
    print(f"checkov: {passed} checks passed, {len(ACCEPTED)} accepted, {len(expected)} controls")  # noqa: T201 - this command's result


if __name__ == "__main__":
    main(*sys.argv[1:])
