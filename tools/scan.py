"""Judges what checkov reports of the rendered stacks: `python -m tools.scan REPORT`.

It needs nothing but Python, because checkov has an environment of its own.
"""

from __future__ import annotations

import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The prefix of the names of the resources that were made bad on purpose.
_CONTROL: Final = ".control_"

# The failures that are accepted, by check and pattern of the resource, each with its reason. They
# are in docs/security.md, too. One that does not occur any more fails the run.
ACCEPTED: Final[Mapping[tuple[str, str], str]] = {
    ("CKV_AWS_50", "aws_lambda_function.*"): (
        "the log and its metrics follow each message; X-Ray would add costs and a right"
    ),
    ("CKV_AWS_61", "aws_iam_role.*"): (
        "where GitHub is configured, a role may assume itself: the account, with its own ARN as a "
        "condition, which this check does not read"
    ),
    ("CKV_AWS_115", "aws_lambda_function.*"): (
        "the event source mapping limits concurrency; reserving would take it from the account"
    ),
    ("CKV_AWS_116", "aws_lambda_function.*"): (
        "only SQS invokes the function, and the queue has a DLQ; Lambda's is for other invocations"
    ),
    ("CKV_AWS_117", "aws_lambda_function.*"): (
        "the function calls APIs of AWS alone; a VPC would add endpoints, and reach more"
    ),
    ("CKV_AWS_144", "aws_s3_bucket.*"): "an artifact can be built again from its commit, by digest",
    ("CKV_AWS_145", "aws_s3_bucket.*access-log"): (
        "S3 delivers access logs only to a bucket that encrypts with keys of S3"
    ),
    ("CKV_AWS_272", "aws_lambda_function.*"): (
        "a promotion rebuilds the artifact and compares digests, and the function's code is named "
        "by its digest; signing would add a signer in every account"
    ),
    ("CKV_AWS_355", "aws_iam_role_policy.*"): (
        "actions without a resource; a test checks each against AWS's own reference"
    ),
    ("CKV2_AWS_62", "aws_s3_bucket.*"): "nothing has to happen when an object is stored",
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
    found = {(one["check_id"], one["resource"]): one["check_name"] for one in failed}
    unseen = [
        f"{address}: {check} did not fail for a resource made bad on purpose; the scan is blind"
        for address, check in controls.items()
        if (check, address) not in found
    ]
    ours = [failure for failure in found if _CONTROL not in failure[1]]
    refused = [
        f"{address}: {check} {found[check, address]}"
        for check, address in ours
        if not any(_accepts(rule, check, address) for rule in ACCEPTED)
    ]
    idle = [
        f"{rule[0]} of {rule[1]} is accepted in tools/scan.py and fails no more; remove it there"
        for rule in ACCEPTED
        if not any(_accepts(rule, *failure) for failure in ours)
    ]
    return [*unseen, *refused, *idle]


def _accepts(rule: tuple[str, str], check: str, address: str) -> bool:
    return rule[0] == check and fnmatchcase(address, rule[1])


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
