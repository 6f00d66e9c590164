"""What follows a launch: the options about limits, restarts, notices, results and payloads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from function.limits import MAX_START_ATTEMPTS, START_ATTEMPTS
from function.message.patterns import any_matches
from function.message.task_limits import LimitsError, parse_stage
from function.message.templates import TemplateError, check_templates
from function.outcomes.states import FINAL, State
from infra import limits
from infra.config_reader import is_principal
from infra.names import PROJECT

if TYPE_CHECKING:
    from infra.config import FunctionConfig
    from infra.config_reader import Reader

NO_RESULTS: Final = "none"
RESULTS_QUEUE: Final = "queue"
RESULTS_BUS: Final = "bus"
RESULTS: Final = (NO_RESULTS, RESULTS_QUEUE, RESULTS_BUS)

# The text of an option that holds a JSON object, where it says nothing.
NOTHING: Final = "{}"

# The states that a stage announces by default.
ANNOUNCED: Final = (
    State.REJECTED,
    State.EXPIRED,
    State.NEVER_STARTED,
    State.TIMED_OUT,
    State.STOPPED,
)
_STATES: Final = tuple(state.value for state in State if state in FINAL)


def outcome_options(reader: Reader) -> dict[str, Any]:
    """Read the options by the names of their attributes; the reader collects the problems."""
    return {
        "outcomes": reader.boolean("outcomes"),
        "limits": json_object(reader, "limits"),
        "start_attempts": json_object(reader, "startAttempts"),
        "announce": reader.strings(
            "announce", _STATES.__contains__, f"one of {', '.join(_STATES)}"
        ),
        "results": reader.text(
            "results",
            RESULTS.__contains__,
            f"one of {', '.join(RESULTS)}",
            fix=reader.set_command(f"{PROJECT}:results", NO_RESULTS),
        ),
        "result_readers": reader.strings(
            "resultReaders", is_principal, "an account id, or the ARN of a role or user"
        ),
        "payloads": reader.boolean("payloads"),
        "payload_retention_days": reader.integer(
            "payloadRetentionDays", limits.PAYLOAD_RETENTION_DAYS, "days"
        ),
        "templates": json_object(reader, "templates"),
        "dashboard": reader.boolean("dashboard"),
        "max_vcpu_hours_per_day": reader.integer(
            "maxVcpuHoursPerDay", limits.VCPU_HOURS_PER_DAY, "vCPU hours"
        ),
    }


def json_object(reader: Reader, option: str) -> str:
    """Read a JSON object, and return it as text without white space.

    Pulumi's typed configuration has no objects. One that is not in quotes arrives as JSON as well.
    """
    text = reader.text(
        option,
        _is_object,
        "a JSON object as text",
        fix=reader.set_command(f"{PROJECT}:{option}", f"'{NOTHING}'"),
    )
    return json.dumps(json.loads(text), separators=(",", ":")) if _is_object(text) else NOTHING


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def check_outcomes(reader: Reader, config: FunctionConfig) -> None:
    """Report what the handler could not work with, and what has no effect because of another."""
    _check_limits(reader, config)
    _check_start_attempts(reader, config)
    _check_templates(reader, config)
    if not config.outcomes:
        _check_nothing_depends_on_outcomes(reader, config)
    if config.result_readers and config.results != RESULTS_QUEUE:
        reader.problem(
            f"{PROJECT}:resultReaders",
            f"found {', '.join(config.result_readers)} with results: {config.results}",
            "only a queue has readers; rules of an event bus are its account's; "
            + reader.set_command(f"{PROJECT}:results", RESULTS_QUEUE)
            + f", or pulumi config rm '{PROJECT}:resultReaders' -s {reader.stack}",
        )
    if config.payloads and not config.task_roles:
        reader.problem(
            f"{PROJECT}:payloads",
            "found true without taskRoles",
            "expected the roles that read payloads, which nobody else can; "
            + reader.set_command(
                f"{PROJECT}:taskRoles[0]", config.location.iam_arn("role/report-task")
            ),
        )


def _check_limits(reader: Reader, config: FunctionConfig) -> None:
    """Check the limits by the rules of the handler, and their capacity providers."""
    try:
        found = parse_stage(config.limits, f"{PROJECT}:limits")
    except LimitsError as error:
        reader.problems.append(str(error))
        return
    for pattern, task_limits in found.items():
        for provider in task_limits.capacity:
            if not any_matches(config.capacity_providers, provider):
                reader.problem(
                    f"{PROJECT}:limits",
                    f"found the capacity provider {provider!r} at {pattern!r}",
                    f"expected one that capacityProviders allows: "
                    f"{', '.join(config.capacity_providers) or 'none'}",
                )


def _check_start_attempts(reader: Reader, config: FunctionConfig) -> None:
    for cause, attempts in json.loads(config.start_attempts).items():
        key = f"{PROJECT}:startAttempts"
        if cause not in START_ATTEMPTS:
            reader.problem(
                key, f"found the cause {cause!r}", f"expected one of {', '.join(START_ATTEMPTS)}"
            )
        elif type(attempts) is not int or not 1 <= attempts <= MAX_START_ATTEMPTS:
            reader.problem(
                key,
                f"found {json.dumps(attempts)} for {cause}",
                f"expected a number of starts, 1 to {MAX_START_ATTEMPTS}",
            )


def _check_templates(reader: Reader, config: FunctionConfig) -> None:
    try:
        check_templates(config.templates)
    except TemplateError as error:
        reader.problem(f"{PROJECT}:templates", "a template is not valid", str(error))


def _check_nothing_depends_on_outcomes(reader: Reader, config: FunctionConfig) -> None:
    found = {
        "limits": config.limits != NOTHING,
        "startAttempts": config.start_attempts != NOTHING,
        "announce": config.announce != ANNOUNCED,
        "results": config.results != NO_RESULTS,
        "maxVcpuHoursPerDay": config.max_vcpu_hours_per_day != 0,
    }
    for option, is_set in found.items():
        if is_set:
            reader.problem(
                f"{PROJECT}:{option}",
                "is set with outcomes: false",
                "a stage that does not follow its tasks can do nothing about it; "
                + reader.set_command(f"{PROJECT}:outcomes", "true")
                + f", or pulumi config rm '{PROJECT}:{option}' -s {reader.stack}",
            )
