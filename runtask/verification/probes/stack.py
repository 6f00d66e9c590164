"""Whether the account holds what the stage's configuration and its stack say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from function.limits import MAX_MESSAGE_BYTES
from infra.limits import DAY_SECONDS, MAX_RECEIVE_COUNT
from infra.names import ALIAS
from runtask.verification.disclosure import Fact, Private, Public, public_or
from runtask.verification.finding import Comparison, Finding, compare, failed, passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtask.verification.context import Verification

# The outputs that operators and this command need; `infra.stage` exports them.
_OUTPUTS: Final = (
    "account",
    "artifactDigest",
    "deadLetterQueueUrl",
    "failureTopicArn",
    "functionName",
    "functionVersion",
    "kmsKeyArn",
    "logGroup",
    "queueUrl",
    "region",
    "stage",
)


def identity(verification: Verification) -> Finding:
    """Return whether account, region and deploy role are those of the configuration."""
    config, state = verification.config, verification.state
    location = config.location
    values = verification.context.project.stack_config(config.stage)
    roles = [role["roleArn"] for role in json.loads(values.get("aws:assumeRoles", "[]"))]
    comparisons = [
        Comparison(
            name="account",
            found=Private("account", verification.operator.identity.split(":")[4]),
            expected=Private("account", location.account),
        ),
        Comparison(
            name="region",
            found=public_or("region", str(state.role.session.region_name)),
            expected=Public(location.region),
        ),
    ]
    facts: dict[str, Fact] = {"region": Public(location.region)}
    if not roles:
        return compare("without a deploy role in aws:assumeRoles", comparisons, facts)
    comparisons += [
        Comparison(
            name="deploy role",
            found=Private("role", _role_name(state.role.identity)),
            expected=Private("role", _role_name(roles[-1])),
        ),
        Comparison(
            name="deploy role of the bootstrap stack",
            found=Private("role", _role_name(verification.deploy_role_arn)),
            expected=Private("role", _role_name(roles[-1])),
        ),
    ]
    return compare(
        "signed in as {operator}, and as {role}",
        comparisons,
        facts,
        operator=Private("principal", verification.operator.identity),
        role=Private("principal", state.role.identity),
    )


def outputs(verification: Verification) -> Finding:
    """Return whether the stack exports what it should, for this account and region."""
    found = verification.outputs
    missing = [name for name in _OUTPUTS if not found.get(name)]
    if missing:
        return failed(
            "the stack exports no {missing}; deploy it again with pulumi up",
            missing=[Public(name) for name in missing],
        )
    location = verification.config.location
    return compare(
        f"{len(_OUTPUTS)} outputs of the stack",
        [
            Comparison(
                name="account",
                found=Private("account", str(found["account"])),
                expected=Private("account", location.account),
            ),
            Comparison(
                name="region",
                found=public_or("region", str(found["region"])),
                expected=Public(location.region),
            ),
            Comparison(
                name="stage",
                found=Private("stage", str(found["stage"])),
                expected=Private("stage", verification.config.stage),
            ),
        ],
    )


def artifact(verification: Verification) -> Finding:
    """Return whether the function runs the artifact that the stack and the stage's file name."""
    state = verification.state
    if not state.running or state.drift:
        return failed(
            "the stage has drifted: {drift}; deploy it again with pulumi up",
            drift=Private("text", state.drift or "its function runs nothing"),
        )
    return passed(
        "the function runs the artifact that its stack exports, {digest}",
        digest=Private("artifact", state.running),
    )


def alias(verification: Verification) -> Finding:
    """Return whether the alias points to the version that the stack exports, as configured."""
    config = verification.config
    functions = verification.state.role.session.client("lambda")
    name = verification.outputs["functionName"]
    found = functions.get_alias(FunctionName=name, Name=ALIAS)
    version = functions.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
    weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return compare(
        "alias {alias}",
        [
            Comparison(
                name="version",
                found=public_or("version", found["FunctionVersion"]),
                expected=public_or("version", str(verification.outputs["functionVersion"])),
            ),
            Comparison(name="number of other versions", found=len(weights), expected=0),
            Comparison(
                name="timeout", found=version.get("Timeout"), expected=config.timeout_seconds
            ),
            Comparison(
                name="memory", found=version.get("MemorySize"), expected=config.memory_megabytes
            ),
        ],
        alias=Public(ALIAS),
    )


def mapping(verification: Verification) -> Finding:
    """Return whether the queue feeds the alias as the configuration says."""
    functions = verification.operator.session.client("lambda")
    config = verification.config
    queue_arn = _queue(verification, "queueUrl")["QueueArn"]
    name = f"{verification.outputs['functionName']}:{ALIAS}"
    found = functions.list_event_source_mappings(EventSourceArn=queue_arn, FunctionName=name)
    mappings = found["EventSourceMappings"]
    if len(mappings) != 1:
        return failed(
            "{count} event source mappings lead from the work queue to alias {alias}, expected 1",
            count=len(mappings),
            alias=Public(ALIAS),
        )
    (one,) = mappings
    return compare(
        "event source mapping",
        [
            Comparison(
                name="state",
                found=public_or("state", one.get("State", "")),
                expected=Public("Enabled"),
            ),
            Comparison(name="batch size", found=one.get("BatchSize"), expected=config.batch_size),
            Comparison(
                name="batching window",
                found=one.get("MaximumBatchingWindowInSeconds", 0),
                expected=config.batching_window_seconds,
            ),
            Comparison(
                name="maximum concurrency",
                found=one.get("ScalingConfig", {}).get("MaximumConcurrency"),
                expected=config.maximum_concurrency,
            ),
            Comparison(
                name="response types",
                found=[public_or("type", text) for text in one.get("FunctionResponseTypes", [])],
                expected=[Public("ReportBatchItemFailures")],
            ),
        ],
    )


def work_queue(verification: Verification) -> Finding:
    """Return whether the work queue has the attributes that keep its messages."""
    config = verification.config
    found = _queue(verification, "queueUrl")
    redrive = json.loads(found.get("RedrivePolicy", "{}"))
    return compare(
        "work queue",
        [
            _number(found, "VisibilityTimeout", config.visibility_timeout_seconds),
            _number(found, "MessageRetentionPeriod", config.queue_retention_days * DAY_SECONDS),
            _number(found, "MaximumMessageSize", MAX_MESSAGE_BYTES),
            _stage_key(verification, found),
            Comparison(
                name="dead-letter queue",
                found=Private("queue", redrive.get("deadLetterTargetArn", "")),
                expected=Private("queue", _queue(verification, "deadLetterQueueUrl")["QueueArn"]),
            ),
            Comparison(
                name="maxReceiveCount",
                found=int(redrive.get("maxReceiveCount", 0)),
                expected=MAX_RECEIVE_COUNT,
            ),
        ],
    )


def dead_letter_queue(verification: Verification) -> Finding:
    """Return whether the dead-letter queue takes, and keeps, what the handler rejects."""
    found = _queue(verification, "deadLetterQueueUrl")
    days = verification.config.dead_letter_retention_days
    return compare(
        "dead-letter queue",
        [
            _number(found, "MessageRetentionPeriod", days * DAY_SECONDS),
            _number(found, "MaximumMessageSize", MAX_MESSAGE_BYTES),
            _stage_key(verification, found),
        ],
    )


def _queue(verification: Verification, output: str) -> Mapping[str, str]:
    sqs = verification.state.role.session.client("sqs")
    url = verification.outputs[output]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {str(name): value for name, value in found.items()}


def _number(found: Mapping[str, Any], name: str, expected: int) -> Comparison:
    return Comparison(name=name, found=int(found.get(name, 0)), expected=expected)


def _stage_key(verification: Verification, found: Mapping[str, str]) -> Comparison:
    return Comparison(
        name="KMS key",
        found=Private("key", found.get("KmsMasterKeyId", "")),
        expected=Private("key", str(verification.outputs["kmsKeyArn"])),
    )


def _role_name(arn: str) -> str:
    """Return the name of a role, from its own ARN or that of a session of it."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return rest.split("/")[0] if kind == "assumed-role" else rest.rpartition("/")[2]
