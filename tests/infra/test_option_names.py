"""An option has one name from Pulumi.yaml to the handler's settings; only its unit may change.

logLevel (Pulumi.yaml) -> log_level (config) -> LOG_LEVEL (environment) -> log_level (settings).
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, cast

from function.limits import SENDER_DEFAULTS
from function.sender_choice import SenderChoice
from function.settings import Settings
from infra.bootstrap_config import BootstrapConfig, GithubTrust, bootstrap_options
from infra.config import (
    FunctionConfig,
    function_options,
    read_function_config,
)
from infra.config_reader import Reader
from infra.environment import OutcomeResources, function_environment, sender_variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtask.project import Project

UNITS = ("_milliseconds", "_seconds", "_minutes", "_days", "_megabytes")

# Not options: the stack's name, and what aws:region and aws:allowedAccountIds say.
OF_THE_STACK = {"stage", "location"}

# Known only after the resources were made.
OF_RESOURCES = {
    *("queue_url", "dead_letter_queue_url", "failure_topic_arn", "ledger_table"),
    *("events_queue_url", "results_queue_url", "results_bus", "payload_bucket"),
}

# Follows from the function's timeout and the batching window.
OF_OTHERS = {"visibility_timeout_seconds"}

# What the handler reads from the topic's ARN.
OF_THE_ARN = {"partition", "region", "account"}


def attribute(option: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda capital: f"_{capital[1].lower()}", option)


def stem(name: str) -> str:
    for unit in UNITS:
        name = name.removesuffix(unit)
    return name


def names(model: type) -> set[str]:
    return {field.name for field in fields(model)} - OF_THE_STACK


def read_options(read: Callable[[Reader], object]) -> set[str]:
    reader = Reader("dev", lambda _key: None)
    read(reader)
    return set(reader.expected)


# What both kinds of stacks read.
OF_BOTH = {"protect"}


def test_every_declared_option_is_read_by_one_kind_of_stack(project: Project) -> None:
    bootstrap, function = read_options(bootstrap_options), read_options(function_options)
    assert bootstrap | function == {key for key in project.declared if ":" not in key}
    assert bootstrap & function == OF_BOTH


def test_an_option_is_an_attribute_of_the_same_name() -> None:
    github = {f"github_{name}" for name in names(GithubTrust)}
    bootstrap = (names(BootstrapConfig) - {"github"}) | github
    assert {attribute(option) for option in read_options(bootstrap_options)} == bootstrap
    options = {attribute(option) for option in read_options(function_options)}
    assert options == names(FunctionConfig)


def test_a_variable_has_the_name_of_its_option_and_of_its_setting(project: Project) -> None:
    values = project.stack_config("dev") | {
        "ecs-run-task:limits": '{"*": {"maxRuntime": "4h"}}',
        "ecs-run-task:startAttempts": '{"capacity": 3}',
        "ecs-run-task:templates": """{"s3": "{taskDefinition: 'report'}"}""",
    }
    config = read_function_config("dev", values.get)
    environment = function_environment(
        config,
        queue_url="queue",
        dead_letter_queue_url="dlq",
        failure_topic_arn="topic",
        ledger_table="table",
        outcomes=OutcomeResources(
            events_queue_url="events",
            results_queue_url="results",
            results_bus="bus",
            payload_bucket="payloads",
        ),
    )
    variables = {variable.lower() for variable in (*environment, *sender_variables(config))}
    assert variables == {field.name for field in fields(Settings)} - OF_THE_ARN
    options = variables - OF_RESOURCES - OF_THE_STACK - OF_OTHERS
    assert {stem(name) for name in options} <= {stem(name) for name in names(FunctionConfig)}


def environment_of(config: FunctionConfig) -> dict[str, str]:
    return cast(
        "dict[str, str]",
        function_environment(
            config,
            queue_url="queue",
            dead_letter_queue_url="dlq",
            failure_topic_arn="arn:aws:sns:eu-central-1:111111111111:topic",
            ledger_table="table",
        ),
    )


def test_a_stage_that_uses_no_option_for_senders_has_no_variable_for_it(project: Project) -> None:
    config = read_function_config("dev", project.stack_config("dev").get)
    assert environment_of(config).keys() & SENDER_DEFAULTS.keys() == {
        "TASK_ROLES",
        "EXECUTION_ROLES",
    }
    assert sender_variables(config).keys() == SENDER_DEFAULTS.keys()


def test_a_variable_that_is_left_out_has_the_default_of_its_option(project: Project) -> None:
    config = read_function_config("dev", project.stack_config("dev").get)
    explicit = {**environment_of(config), **sender_variables(config)}
    assert Settings.from_environment(explicit) == Settings.from_environment(environment_of(config))


# For each option, a value that is not its default, as the engine hands it over.
OTHER_VALUES = {
    "taskDefinitionRevisions": "any",
    "taskRoles": '["arn:aws:iam::111111111111:role/a"]',
    "executionRoles": '["arn:aws:iam::111111111111:role/b"]',
    "volumeRoles": '["arn:aws:iam::111111111111:role/c"]',
    "subnets": '["subnet-00000001"]',
    "securityGroups": '["sg-00000001"]',
    "publicIp": "true",
    "executeCommand": "true",
    "ebsVolumes": "true",
    "ebsSnapshots": '["snap-00000001"]',
    "maxEbsVolumeGibibytes": "7",
    "launchTypes": '["EC2"]',
    "capacityProviders": '["fleet"]',
    "maxTaskCpuUnits": "512",
    "maxTaskMemoryMebibytes": "512",
    "maxEphemeralStorageGibibytes": "30",
    "maxCount": "3",
    "maxTasksPerDay": "1000",
    "tagKeys": '["team"]',
    "environmentFiles": '["arn:aws:s3:::bucket/*.env"]',
}


def test_what_an_option_says_reaches_the_handler(project: Project) -> None:
    assert {attribute(option) for option in OTHER_VALUES} == {
        field.name for field in fields(SenderChoice)
    }
    values = project.stack_config("dev")
    default = Settings.from_environment(environment_of(read_function_config("dev", values.get)))
    values |= {f"ecs-run-task:{option}": value for option, value in OTHER_VALUES.items()}
    config = read_function_config("dev", values.get)
    settings = Settings.from_environment(environment_of(config))
    for field in fields(SenderChoice):
        found = getattr(settings, field.name)
        assert found == getattr(config, field.name)
        assert found != getattr(default, field.name)
