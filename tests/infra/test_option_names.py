"""An option has one name from Pulumi.yaml to the handler's settings; only its unit may change.

logLevel (Pulumi.yaml) -> log_level (config) -> LOG_LEVEL (environment) -> log_level (settings).
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

from function.settings import Settings
from infra.config import (
    BootstrapConfig,
    FunctionConfig,
    GithubTrust,
    bootstrap_options,
    function_options,
    read_function_config,
)
from infra.config_reader import Reader
from infra.environment import function_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtask.project import Project

UNITS = ("_milliseconds", "_seconds", "_minutes", "_days", "_megabytes")

# Not options: the stack's name, and what aws:region and aws:allowedAccountIds say.
OF_THE_STACK = {"stage", "location"}

# Known only after the resources were made.
OF_RESOURCES = {"queue_url", "dead_letter_queue_url", "failure_topic_arn", "ledger_table"}

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
    config = read_function_config("dev", project.stack_config("dev").get)
    environment = function_environment(
        config,
        queue_url="queue",
        dead_letter_queue_url="dlq",
        failure_topic_arn="topic",
        ledger_table="table",
    )
    variables = {variable.lower() for variable in environment}
    assert variables == {field.name for field in fields(Settings)} - OF_THE_ARN
    options = variables - OF_RESOURCES - OF_THE_STACK - OF_OTHERS
    assert {stem(name) for name in options} <= {stem(name) for name in names(FunctionConfig)}
