"""The environment variables of a stage's function, and how many bytes they take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.limits import SENDER_DEFAULTS
from infra.limits import DAY_SECONDS, MINUTE_SECONDS
from infra.names import PREFIX
from infra.outcome_options import NOTHING, RESULTS_BUS, RESULTS_QUEUE
from infra.sender_choice import choice_of

if TYPE_CHECKING:
    from pulumi import Input

    from function.sender_choice import SenderChoice
    from infra.config import FunctionConfig

# Characters behind the prefix and the stage in the name of a queue, a topic or a table: what it is
# for, and the digits that Pulumi may add.
_SUFFIX_LENGTH: Final = 24


@dataclass(frozen=True, kw_only=True)
class OutcomeResources:
    """The resources for what follows a launch; None for each that the stage does not have.

    Attributes:
        events_queue_url: URL of the events queue.
        results_queue_url: URL of the results queue.
        results_bus: Name of the results bus.
        payload_bucket: Name of the payload bucket.
    """

    events_queue_url: Input[str] | None = None
    results_queue_url: Input[str] | None = None
    results_bus: Input[str] | None = None
    payload_bucket: Input[str] | None = None


NO_RESOURCES: Final = OutcomeResources()


def function_environment(  # noqa: PLR0913 - one for each resource
    config: FunctionConfig,
    *,
    queue_url: Input[str],
    dead_letter_queue_url: Input[str],
    failure_topic_arn: Input[str],
    ledger_table: Input[str],
    outcomes: OutcomeResources = NO_RESOURCES,
) -> dict[str, Input[str]]:
    """Return the function's environment variables.

    What a sender may choose comes from the same values as the policy of the function's role.
    """
    variables: dict[str, Input[str]] = {
        "STAGE": config.stage,
        "QUEUE_URL": queue_url,
        "DEAD_LETTER_QUEUE_URL": dead_letter_queue_url,
        "FAILURE_TOPIC_ARN": failure_topic_arn,
        "LEDGER_TABLE": ledger_table,
        "KEY_RETENTION_SECONDS": str(config.key_retention_days * DAY_SECONDS),
        "CLUSTERS": json.dumps(config.cluster_arns),
        "TASK_DEFINITIONS": json.dumps(config.task_definition_arns),
        "QUEUE_RETENTION_SECONDS": str(config.queue_retention_days * DAY_SECONDS),
        "ENVIRONMENT_MAX_AGE_SECONDS": str(config.environment_max_age_minutes * MINUTE_SECONDS),
        "VISIBILITY_TIMEOUT_SECONDS": str(config.visibility_timeout_seconds),
        "RUN_TASK_RATE": str(config.run_task_rate),
        "RUN_TASK_BURST": str(config.run_task_burst),
        "FARGATE_LAUNCH_RATE": str(config.fargate_launch_rate),
        "FARGATE_LAUNCH_BURST": str(config.fargate_launch_burst),
        "FARGATE_SPOT_LAUNCH_RATE": str(config.fargate_spot_launch_rate),
        "FARGATE_SPOT_LAUNCH_BURST": str(config.fargate_spot_launch_burst),
        "MAXIMUM_CONCURRENCY": str(config.maximum_concurrency),
        "PYTHON_LITERALS": json.dumps(config.python_literals),
        "LOG_LEVEL": config.log_level,
    }
    variables |= {
        name: value
        for name, value in sender_variables(config).items()
        if value != SENDER_DEFAULTS[name]
    }
    return variables | _outcome_variables(config, outcomes)


def _outcome_variables(
    config: FunctionConfig, resources: OutcomeResources
) -> dict[str, Input[str]]:
    """Return the variables about what follows a launch: none for what is off, or says nothing."""
    found = {
        "EVENTS_QUEUE_URL": resources.events_queue_url,
        "RESULTS_QUEUE_URL": resources.results_queue_url,
        "RESULTS_BUS": resources.results_bus,
        "PAYLOAD_BUCKET": resources.payload_bucket,
        "LIMITS": None if config.limits == NOTHING else config.limits,
        "START_ATTEMPTS": None if config.start_attempts == NOTHING else config.start_attempts,
        "TEMPLATES": None if config.templates == NOTHING else config.templates,
        "ANNOUNCE": json.dumps(config.announce) if config.outcomes and config.announce else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def sender_variables(config: SenderChoice) -> dict[str, str]:
    """Return every variable about what a sender may choose, also those that say the default."""
    return {option.upper(): _text(value) for option, value in choice_of(config).items()}


def environment_bytes(config: FunctionConfig) -> int:
    """Return the most bytes that the function's environment takes, as Lambda measures it.

    Lambda measures all variables as one JSON object, with the quotes of a list escaped. The names
    of resources are as long as they can get.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    location = config.location
    name = f"{PREFIX}{config.stage}{'-' * _SUFFIX_LENGTH}"
    queue = f"https://sqs.{location.region}.{location.dns_suffix}/{location.account}/{name}.fifo"
    variables = function_environment(
        config,
        queue_url=queue,
        dead_letter_queue_url=queue,
        failure_topic_arn=location.arn("sns", name),
        ledger_table=name,
        outcomes=OutcomeResources(
            events_queue_url=queue if config.outcomes else None,
            results_queue_url=queue if config.results == RESULTS_QUEUE else None,
            results_bus=name if config.results == RESULTS_BUS else None,
            payload_bucket=name if config.payloads else None,
        ),
    )
    return len(json.dumps(variables, separators=(",", ":")).encode())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
