"""Event source mappings, where Lambda does more than MiniStack.

MiniStack polls a queue without checking the permissions of the function's role. They are checked
here: when the mapping is created, with the codes and texts of AWS, and before each poll. It also
forgets which metrics a mapping emits, so that the AWS provider would add them in every deployment.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import iam, ministack_internals
from rehearsal.emulator.function_credentials import credentials_of
from rehearsal.emulator.message_permissions import use_key
from rehearsal.emulator.permission_check import PermissionCheck

if TYPE_CHECKING:
    from rehearsal.emulator.request import Response

_POLLING_ACTIONS: Final = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


def install() -> None:
    """Replace MiniStack's creation and update of event source mappings, and guard its polls."""
    create = ministack_internals.lambda_svc._create_esm  # noqa: SLF001 - see ministack_internals
    update = ministack_internals.lambda_svc._update_esm  # noqa: SLF001 - see ministack_internals
    concurrency = ministack_internals.lambda_svc._sqs_esm_concurrency  # noqa: SLF001 - see ministack_internals

    def create_checked(request: dict[str, Any]) -> Response:
        problem = find_problem(request)
        if problem:
            answer: Response = ministack_internals.error_response_json(
                "InvalidParameterValueException", problem, 400
            )
            return answer
        return _with_metrics(create(request), request)

    def update_with_metrics(mapping_id: str, request: dict[str, Any]) -> Response:
        return _with_metrics(update(mapping_id, request), request)

    def concurrency_if_permitted(
        mapping: dict[str, Any],
        record: dict[str, Any],
        function: dict[str, Any],
        queue: dict[str, Any] | None = None,
    ) -> int:
        if _missing_permission(function, mapping["EventSourceArn"]):
            return 0  # MiniStack asks before each poll, and does not poll
        allowed: int = concurrency(mapping, record, function, queue)
        return allowed

    ministack_internals.lambda_svc._create_esm = create_checked  # noqa: SLF001 - see ministack_internals
    ministack_internals.lambda_svc._sqs_esm_concurrency = concurrency_if_permitted  # noqa: SLF001 - see ministack_internals
    ministack_internals.lambda_svc._update_esm = update_with_metrics  # noqa: SLF001 - see ministack_internals


def _with_metrics(answer: Response, request: dict[str, Any]) -> Response:
    """Keep the `MetricsConfig` of a request in the mapping, and add it to the answer."""
    status, headers, body = answer
    if status >= HTTPStatus.BAD_REQUEST or "MetricsConfig" not in request:
        return answer
    mapping = json.loads(body)
    metrics = {"MetricsConfig": request["MetricsConfig"]}
    ministack_internals.lambda_svc._esms[mapping["UUID"]].update(metrics)  # noqa: SLF001 - see ministack_internals
    return status, headers, json.dumps(mapping | metrics).encode()


def find_problem(request: dict[str, Any]) -> str:
    """Return why Lambda would refuse a mapping from a queue, or empty."""
    source = request.get("EventSourceArn") or ""
    queue = next(
        (q for q in ministack_internals.queues.values() if q["attributes"]["QueueArn"] == source),
        None,
    )
    name, qualifier, error = ministack_internals.lambda_svc._resolve_existing_esm_function(  # noqa: SLF001 - see ministack_internals
        request.get("FunctionName", "")
    )
    if error or not source.startswith("arn:aws:sqs:"):
        return ""
    if queue is None:
        return (
            "Error occurred while ReceiveMessage. SQS Error Code: "
            "AWS.SimpleQueueService.NonExistentQueue."
        )
    _, function = ministack_internals.lambda_svc._get_func_record_for_qualifier(name, qualifier)  # noqa: SLF001 - see ministack_internals
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
    """Return what the function's role may not do with a queue, as Lambda words it, or empty."""
    access_key = credentials_of(function)["AWS_ACCESS_KEY_ID"]
    iam.current.set(None)  # the checks are of the function's role, not of the caller
    # Lambda polls over TLS, and a policy may insist on it.
    ministack_internals.request_origin.set(("127.0.0.1", True))
    checks = [PermissionCheck(f"sqs:{action}", queue) for action in _POLLING_ACTIONS]
    checks.extend(use_key(queue, "sqs", ministack_internals.get_region(), "Decrypt"))
    for check in checks:
        service, action = check.action.split(":")
        try:
            iam.enforce(
                access_key,
                check.action,
                service,
                ministack_internals.get_region(),
                check.resource,
                check.context,
            )
        except iam.Denied:
            return (
                "The provided execution role does not have permissions to call "
                f"{action} on {service.upper()}"
            )
    return ""
