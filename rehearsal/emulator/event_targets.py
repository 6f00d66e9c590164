"""EventBridge, where AWS does more than MiniStack: rights of a rule, templates, the minute.

MiniStack delivers to any queue. Here a rule needs the queue's policy and, where the queue is
encrypted, that of its key, both for the principal `events.amazonaws.com`; what it may not send is
lost, as in AWS once its retries have ended, with a line in the log.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html#eb-rule-encrypted-sqs
Which condition keys a request to KMS carries is not documented for each service. They are taken to
be those of the request to the queue, and the encryption context of SQS.
"""

from __future__ import annotations

import contextvars
import json
import logging
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.conditions import Conditions, MissingPath
from rehearsal.emulator.message_permissions import key_arn

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE: Final = "events.amazonaws.com"

# How often it is looked whether a schedule is due; MiniStack's own is 10 s.
TICK_SECONDS: Final = 0.2

_MINUTE_SECONDS: Final = 60

_log = logging.getLogger("rehearsal.events")

# The rule whose target is being invoked.
_rule: contextvars.ContextVar[str] = contextvars.ContextVar("rule", default="")


class UndeliveredError(Exception):
    """The output of a template is not delivered."""


def install(conditions: Callable[[], Conditions]) -> None:
    """Replace how MiniStack invokes targets, fills templates and measures a minute.

    Args:
        conditions: Returns the conditions that tests change.
    """
    bridge = ministack_internals.eventbridge
    invoke, to_queue = bridge._invoke_target, bridge._dispatch_to_sqs  # noqa: SLF001 - see ministack_internals
    transform, seconds = bridge._apply_input_transformer, bridge._parse_rate_seconds  # noqa: SLF001 - see ministack_internals

    def invoke_target(target: dict[str, Any], event: Any, rule: Any, view: Any = None) -> None:  # noqa: ANN401 - dicts and a class of MiniStack
        token = _rule.set(rule.get("Arn", ""))
        try:
            invoke(target, event, rule, view)
        except UndeliveredError as error:
            _log.warning("%s: not delivered to %s: %s", _rule.get(), target.get("Arn"), error)
        finally:
            _rule.reset(token)

    def dispatch_to_sqs(spec: Any, payload: str, parameters: Any = None) -> None:  # noqa: ANN401 - a class of MiniStack
        if problem := missing_right(str(spec), _rule.get()):
            _log.warning("%s: not delivered to %s: %s", _rule.get(), spec, problem)
            return
        to_queue(spec, payload, parameters)

    def apply_input_transformer(transformer: dict[str, Any], rule: Any, view: Any) -> str:  # noqa: ANN401 - a class of MiniStack
        reading = conditions().missing_path
        event = view.event_with_detail()
        paths = transformer.get("InputPathsMap") or {}
        missing = [name for name, path in paths.items() if not _exists(event, path)]
        if reading != MissingPath.EMPTY and missing:
            template = transformer.get("InputTemplate", "")
            for name in missing:
                template = template.replace(f"<{name}>", "")
            transformer = {**transformer, "InputTemplate": template}
        output = str(transform(transformer, rule, view))
        if missing and reading == MissingPath.UNDELIVERED and not _is_json(output):
            raise UndeliveredError(f"without {', '.join(missing)} the output is not JSON")
        return output

    def parse_rate_seconds(expression: str) -> float | None:
        found = seconds(expression)
        scale = conditions().minute_seconds / _MINUTE_SECONDS
        return None if found is None else float(found) * scale

    bridge._invoke_target = invoke_target  # noqa: SLF001 - see ministack_internals
    bridge._dispatch_to_sqs = dispatch_to_sqs  # noqa: SLF001 - see ministack_internals
    bridge._apply_input_transformer = apply_input_transformer  # noqa: SLF001 - see ministack_internals
    bridge._parse_rate_seconds = parse_rate_seconds  # noqa: SLF001 - see ministack_internals
    bridge._SCHEDULER_TICK_INTERVAL = TICK_SECONDS  # noqa: SLF001 - see ministack_internals


def missing_right(queue: str, rule: str) -> str:
    """Return what EventBridge may not do for a rule with a queue, or empty.

    Args:
        queue: The queue's ARN.
        rule: The rule's ARN.
    """
    source = {"aws:SourceArn": rule, "aws:SourceAccount": rule.split(":")[4]}
    found = ministack_internals.sqs.queue_policy_for_arn(queue)
    if not _allows(found[0] if found else None, "sqs:SendMessage", queue, source):
        return "the queue's policy does not allow sqs:SendMessage"
    key = ministack_internals.find_key(key_arn(queue, "sqs"))
    context = {
        **source,
        "kms:ViaService": f"sqs.{queue.split(':')[3]}.amazonaws.com",
        "kms:CallerAccount": queue.split(":")[4],
        "kms:EncryptionContext:aws:sqs:arn": queue,
    }
    for action in ("kms:GenerateDataKey", "kms:Decrypt") if key else ():
        if not _allows(key["Policy"], action, key["Arn"], context):
            return f"the key's policy does not allow {action}"
    return ""


def _allows(policy: Any, action: str, resource: str, context: dict[str, str]) -> bool:  # noqa: ANN401 - JSON or text
    evaluator = ministack_internals.iam_evaluator
    asked = evaluator.EvalContext(
        # The principal is the service; no statement names this one.
        principal_arn=SERVICE,
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=resource.split(":")[3],
        source_ip="",
        secure_transport=True,
        service_context={name.lower(): value for name, value in context.items()},
    )
    decision = evaluator.evaluate_resource_policy(policy, asked, service=SERVICE).decision
    return bool(decision == "Allow")


def _exists(event: Any, path: str) -> bool:  # noqa: ANN401 - JSON
    for name in path.removeprefix("$").strip(".").split("."):
        if name and (not isinstance(event, dict) or name not in event):
            return False
        event = event[name] if name else event
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
