"""Takes away one guard at a time and runs the tests: `python -m tools.guards [NAME ...]`.

A guard whose loss no test notices is not tested, and a guard whose loss breaks everything tells
nobody what was lost. Each run is made in a copy of the checkout.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.bundle import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A guard, and how to take it away.

    Attributes:
        file: The file that it is in.
        text: The text to replace, which the file has once.
        instead: What stands there without the guard.
        tests: The folders whose tests are run.
        controls: The controls that it is there for, as in docs/security.md.
        fails: The tests that fail without it, without their parameters.
    """

    file: str
    text: str
    instead: str
    tests: tuple[str, ...] = ("tests/infra",)
    controls: tuple[str, ...]
    fails: frozenset[str]


_ATTACKS: Final = "tests/end_to_end/test_promotion_attacks.py"

# Any change of an IAM document makes the verdicts of the second evaluator out of date.
_VERDICTS: Final = (
    "tests/infra/test_iam_verdicts.py::test_the_verdicts_are_of_todays_documents_and_table"
)

GUARDS: Final[Mapping[str, Guard]] = {
    "tls": Guard(
        file="infra/policies/statements.py",
        text='conditions={"Bool": {"aws:SecureTransport": "false"}}',
        instead='conditions={"Bool": {"aws:SecureTransport": "never"}}',
        controls=(
            "S3.5",
            "AwsSolutions-SQS4",
            "AwsSolutions-SNS3",
        ),
        fails=frozenset(
            {
                "tests/infra/test_artifact_policies.py::test_an_upload_in_the_clear_or_with_another_key_is_denied",
                "tests/infra/test_bootstrap_stack.py::test_a_bucket_is_used_over_tls_only",
                "tests/infra/test_function_stack.py::test_queues_refuse_connections_without_tls",
                _VERDICTS,
            }
        ),
    ),
    "stage-key": Guard(
        file="infra/failure_topic.py",
        text="sns.Topic(name, kms_master_key_id=args.kms_key_arn, opts=child)",
        instead="sns.Topic(name, opts=child)",
        controls=("CKV_AWS_26",),
        fails=frozenset(
            {
                "tests/infra/test_function_stack.py::test_everything_that_holds_data_uses_the_stages_key"
            }
        ),
    ),
    "public-access-block": Guard(
        file="infra/private_bucket.py",
        text="block_public_policy=True",
        instead="block_public_policy=False",
        controls=("S3.8",),
        fails=frozenset(
            {"tests/infra/test_bootstrap_stack.py::test_a_bucket_is_closed_to_the_public"}
        ),
    ),
    "passed-to-service": Guard(
        file="infra/policies/function_role.py",
        text='conditions={"StringEquals": {"iam:PassedToService": service}}',
        instead="conditions=None",
        controls=("A leaked function role",),
        fails=frozenset(
            {
                "tests/infra/test_function_boundary.py::test_the_function_role_is_within_its_boundary",
                "tests/infra/test_function_stack.py::test_the_role_launches_what_the_configuration_names_and_no_more",
                "tests/infra/test_iam_documents.py::test_no_role_is_passed_to_just_any_service",
                "tests/infra/test_sender_choice.py::test_what_a_stage_opens_its_role_may_do",
                _VERDICTS,
            }
        ),
    ),
    "source-function": Guard(
        file="infra/policies/permissions_boundary.py",
        text="""resources=[location.arn("ecs", "task-definition/*")],
            conditions={
                "ArnLike": {
                    "ecs:cluster": cluster_arns,
                    "lambda:SourceFunctionArn": functions,
""",
        instead="""resources=[location.arn("ecs", "task-definition/*")],
            conditions={
                "ArnLike": {
                    "ecs:cluster": cluster_arns,
""",
        controls=("A leaked function role",),
        fails=frozenset(
            {
                "tests/infra/test_function_boundary.py::test_a_function_that_is_not_of_the_kit_launches_no_task",
                "tests/infra/test_function_boundary.py::test_credentials_that_left_the_function_launch_no_task",
                _VERDICTS,
            }
        ),
    ),
    "written-once": Guard(
        file="infra/policies/resource_policies.py",
        text='conditions={"Null": {"s3:if-none-match": "true"}}',
        instead='conditions={"StringEquals": {"s3:if-none-match": "never"}}',
        controls=("S3.15",),
        fails=frozenset(
            {
                "tests/infra/test_artifact_policies.py::test_what_was_promoted_cannot_be_replaced",
                _VERDICTS,
            }
        ),
    ),
    "rebuild": Guard(
        file="runtask/promotion/promote.py",
        text="rebuilt = context.rebuilder.rebuild(commit)",
        instead="rebuilt = digest",
        tests=(_ATTACKS, "tests/runtask/test_rebuild.py"),
        controls=(
            "A hostile dev account",
            "CKV_AWS_272",
        ),
        fails=frozenset(
            {
                f"{_ATTACKS}::test_changed_code_does_not_arrive_in_prod_as_the_commit_of_main",
                f"{_ATTACKS}::test_the_code_of_a_branch_does_not_arrive_in_prod_before_it_is_merged",
            }
        ),
    ),
    "ceiling": Guard(
        file="function/message/choices.py",
        text="if request.count > settings.max_count:",
        instead="if request.count > settings.max_count + 1000:",
        tests=("tests/unit/test_choices.py", "tests/unit/test_parameters.py"),
        controls=("A hostile sender",),
        fails=frozenset(
            {
                "tests/unit/test_choices.py::test_what_no_option_allows_is_refused_with_the_option_that_would"
            }
        ),
    ),
}


def failures(guard: Guard) -> frozenset[str]:
    """Return the tests that fail without a guard.

    Raises:
        ValueError: if the guard is not where it should be, or nothing could be tested.
    """
    with tempfile.TemporaryDirectory(prefix="ecs-run-task-") as temporary:
        folder = Path(temporary)
        _copy(folder)
        path = folder / guard.file
        text = path.read_text(encoding="utf-8")
        if text.count(guard.text) != 1:
            raise ValueError(f"{guard.file} has {guard.text!r} {text.count(guard.text)} times")
        path.write_text(text.replace(guard.text, guard.instead), encoding="utf-8")
        options = ("-q", "-r", "fE", "--no-header", "-p", "no:cacheprovider", "-n", "2")
        command = [sys.executable, "-m", "pytest", *options, "--dist", "loadfile", *guard.tests]
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, cwd=folder, capture_output=True, text=True, check=False
        )
    if " passed" not in done.stdout:
        raise ValueError(f"no test passed without the guard in {guard.file}: {done.stdout[-2000:]}")
    found = re.findall(r"^(?:FAILED|ERROR) ([^\s\[]+)", done.stdout, re.MULTILINE)
    return frozenset(found)


def _copy(folder: Path) -> None:
    """Copy what git knows of the checkout, as it is now."""
    git = shutil.which("git") or "git"
    command = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def main(names: Sequence[str]) -> None:
    """Print which tests fail without each guard; exit with 1 if they are not those expected."""
    wrong = []
    for name in names or list(GUARDS):
        guard = GUARDS[name]
        found = failures(guard)
        lines = [f"{name}: {guard.file}, for {', '.join(guard.controls)}"]
        for test in sorted(found | guard.fails):
            mark = " " if test in found & guard.fails else "+" if test in found else "-"
            lines.append(f"  {mark} {test}")
        sys.stdout.write("\n".join([*lines, ""]))
        sys.stdout.flush()
        if found != guard.fails or not found:
            wrong.append(name)
    if wrong:
        sys.exit(f"other tests fail than expected (+ too, - not): {', '.join(wrong)}")


if __name__ == "__main__":
    main(sys.argv[1:])
