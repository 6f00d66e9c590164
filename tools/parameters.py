"""Generates docs/parameters.md: every parameter of RunTask, and who may set it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from function.message.parameters import PARAMETERS, SetBy
from infra.names import PROJECT

if TYPE_CHECKING:
    from function.message.parameters import Parameter

PATH: Final = "docs/parameters.md"

_INTRODUCTION: Final = f"""\
<!-- Generated from function/message/parameters.py by `nox -s docs`; do not edit. -->

# Parameters

Every parameter of
[RunTask](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html): who sets it,
and which option of the stage's file lets a message choose. What is dear if it goes wrong is closed
until an option opens it; the default of each is in [configuration.md](configuration.md).
`runtask explain --stage STAGE` shows what a stage allows, and
`runtask explain FILE --stage STAGE` what would become of a message.

- The table is closed: a parameter that a newer SDK knows and this table does not is rejected as
  `unknown-parameter`.
- A refusal has the reason `not-allowed`, and names the value, its path, what is allowed, and the
  option: `ECS.networkConfiguration.awsvpcConfiguration.subnets[0]: found subnet-0a1b2c3d; allowed:
  nothing; to allow it, set Pulumi.dev.yaml: {PROJECT}:subnets`.
- What a message takes from its `service` is the operator's choice, and needs no option: subnets,
  security groups, the public IP address, the launch type. A capacity provider does need one: the
  policy of the function's role limits it, and IAM does not see where it comes from.
- The options limit what a message asks for, not what a task definition has: its own size and its
  own roles need no message. The function passes these roles as well, so `taskRoles` and
  `executionRoles` name them.
- Lists take `*` and `?` as IAM does. `*` alone allows anything.
- Where IAM enforces an option, too, a request beyond it fails even if the handler let it through.
  RunTask has no condition key for networks, launch types, sizes or counts.

| parameter | set by | option | enforced by | |
| --- | --- | --- | --- | --- |
"""

_STAGE: Final = """\

## For the whole stage

| what | option | enforced by |
| --- | --- | --- |
| tasks a day | `maxTasksPerDay` | handler: it counts in the ledger; others wait (`daily-limit`) |
| who may send | `senders` | policies of the queue and its key |
"""


def render() -> str:
    """Return the page."""
    rows = "".join(_row(parameter) for parameter in PARAMETERS)
    return _INTRODUCTION + rows + _STAGE


def _row(parameter: Parameter) -> str:
    enforced = "handler" if parameter.set_by is not SetBy.SENDER else ""
    if parameter.iam:
        enforced += f", IAM (`{parameter.iam}`)"
    options = ", ".join(f"`{option}`" for option in parameter.options)
    cells = (f"`{parameter.path}`", parameter.set_by.value, options, enforced, parameter.note)
    return f"| {' | '.join(cells)} |\n"
