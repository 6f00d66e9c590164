"""What Lambda refuses when an event source mapping is made and MiniStack lets pass.

MiniStack polls a queue without asking for the function's permissions, so that they are asked
for here, once, with the codes and texts of AWS.
"""

from __future__ import annotations

from typing import Any

from rehearsal.emulator import iam, ministack_names
from rehearsal.emulator.permissions import key_arn
from rehearsal.emulator.request import Check

Response = tuple[int, dict[str, str], bytes]

_POLLING = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


def install() -> None:
    """Stand before MiniStack's context of event source mappings."""
    create = ministack_names.lambda_svc._create_esm  # noqa: SLF001 - see ministack_names

    def checked(request: dict[str, Any]) -> Response:
        problem = find_problem(request)
        answer: Response = (
            ministack_names.error_response_json("InvalidParameterValueException", problem, 400)
            if problem
            else create(request)
        )
        return answer

    ministack_names.lambda_svc._create_esm = checked  # noqa: SLF001 - see ministack_names


def find_problem(request: dict[str, Any]) -> str:
    """Return what is wrong with a mapping from a queue, or empty."""
    source = request.get("EventSourceArn") or ""
    queue = next(
        (q for q in ministack_names.queues.values() if q["attributes"]["QueueArn"] == source), None
    )
    name, qualifier, error = ministack_names.lambda_svc._resolve_existing_esm_function(  # noqa: SLF001 - see ministack_names
        request.get("FunctionName", "")
    )
    if error or not source.startswith("arn:aws:sqs:"):
        return ""
    if queue is None:
        return (
            "Error occurred while ReceiveMessage. SQS Error Code: "
            "AWS.SimpleQueueService.NonExistentQueue."
        )
    _, function = ministack_names.lambda_svc._get_func_record_for_qualifier(name, qualifier)  # noqa: SLF001 - see ministack_names
    visibility = int(queue["attributes"].get("VisibilityTimeout", 30))
    if visibility < function["Timeout"]:
        return (
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: "
            f"{function['Timeout']} seconds"
        )
    size = request.get("BatchSize", 10)
    if size > 10 and not request.get("MaximumBatchingWindowInSeconds"):  # noqa: PLR2004 - AWS's limit
        return (
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )
    return _missing_permission(function, source)


def _missing_permission(function: dict[str, Any], queue: str) -> str:
    access_key = ministack_names.execution_credentials(function)["AWS_ACCESS_KEY_ID"]
    iam.current.set(None)  # what follows is asked in the name of the function's role
    checks = [Check(f"sqs:{action}", queue) for action in _POLLING]
    if key := key_arn(queue, "sqs"):
        via = {"kms:ViaService": f"sqs.{ministack_names.get_region()}.amazonaws.com"}
        checks.append(Check("kms:Decrypt", key, via))
    for check in checks:
        service, action = check.action.split(":")
        try:
            iam.enforce(
                access_key,
                check.action,
                service,
                ministack_names.get_region(),
                check.resource,
                check.context,
            )
        except iam.Denied:
            return (
                "The provided execution role does not have permissions to call "
                f"{action} on {service.upper()}"
            )
    return ""
