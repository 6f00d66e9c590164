"""Generates docs/configuration.md from Pulumi.yaml and from what the program accepts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from function.limits import (
    MAX_BACKOFF_SECONDS,
    MAX_TASKS,
    MAX_VISIBILITY_TIMEOUT_SECONDS,
    THREADS,
    VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT,
)
from infra.bootstrap_config import bootstrap_options
from infra.bundle import ROOT
from infra.config import function_options
from infra.config_reader import Reader
from infra.limits import MAX_BATCH_SIZE_WITHOUT_WINDOW, MAX_ENVIRONMENT_BYTES
from infra.names import PROJECT
from runtask.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PATH: Final = "docs/configuration.md"

_INTRODUCTION: Final = f"""\
<!-- Generated from Pulumi.yaml and infra/ by `nox -s docs`; do not edit. -->

# Configuration

Every stack has a file `Pulumi.<stack>.yaml`. The stack's name decides its kind: a stack whose name
ends in `-bootstrap` is a bootstrap stack, every other one is the function stack of a stage. An
option has the namespace `{PROJECT}`, and is set in the file or by a command:

```sh
pulumi config set {PROJECT}:fargateLaunchRate 50 -s dev
pulumi config set --path '{PROJECT}:clusters[0]' batch -s dev
```

The program checks all options, alone and together, before it makes any resource. It reports every
problem at once: the key, what was found, and what is expected. `Pulumi.dev.yaml` and
`Pulumi.dev-bootstrap.yaml` are short examples.
"""

_PROVIDER: Final = """\
## Account and region

Both kinds of stack take these options of the AWS provider.

| option | required | description |
| --- | --- | --- |
| `aws:allowedAccountIds` | yes | a list with the id of the only account that the stack may \
change, in quotes |
| `aws:region` | yes | the region of the stack |
| `aws:assumeRoles` | no | the deploy role, as `roleArn` of a list item; every function stack \
should set it |
| `aws:defaultTags` | no | `tags` for every resource |
"""

_BOTH: Final = """\
## Options of both kinds of stacks
"""

_BOOTSTRAP: Final = """\
## Options of a bootstrap stack

One bootstrap stack per account: artifact bucket, KMS key, deploy role, read role and permissions \
boundary.
"""

_FUNCTION: Final = """\
## Options of a function stack

One function stack per stage: queues, function, failure topic, ledger, KMS key.
"""

_COMBINATIONS: Final = f"""\
Some options depend on others:

- With `fifo: true`, `batchSize` is {MAX_BATCH_SIZE_WITHOUT_WINDOW} at most, and \
`batchingWindowSeconds` is 0.
- A `batchSize` of more than {MAX_BATCH_SIZE_WITHOUT_WINDOW} needs a `batchingWindowSeconds` of 1 \
or more.
- `runTaskRate`, `fargateLaunchRate` and `fargateSpotLaunchRate` are \
`{THREADS} * maximumConcurrency * 1000 / runTaskLatencyMilliseconds` at most: an instance of the \
function makes {THREADS} RunTask calls at once.
- `maximumConcurrency` is `{MAX_BACKOFF_SECONDS} / {MAX_TASKS}` = \
{MAX_BACKOFF_SECONDS // MAX_TASKS} times each of these rates at most, also of one that is 0 and so \
what AWS grants: the instances share a rate, and each has to launch the {MAX_TASKS} tasks of one \
message within {MAX_BACKOFF_SECONDS} seconds.
- `{VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT} * timeoutSeconds + batchingWindowSeconds`, the \
queue's visibility timeout, is {MAX_VISIBILITY_TIMEOUT_SECONDS} seconds at most: after a crash a \
message has to be back while its client token lives.
- `keyRetentionDays` is `queueRetentionDays + deadLetterRetentionDays` at least.
- `environmentMaxAgeMinutes` is shorter than `queueRetentionDays`.
- `notifyEmails` needs `allowNotifyEmails: true` in the account's bootstrap stack.
- `taskRoles`, `executionRoles`, `volumeRoles` and `clusters` stay within `boundaryRoles` and \
`boundaryClusters` of the account's bootstrap stack. A pattern stays within \
another one that matches all that it matches.
- `artifactVersion` is set only with the SHA-256 of an artifact.
- `ebsVolumes: true` needs `volumeRoles`.
- `limits`, `startAttempts`, `results`, `maxVcpuHoursPerDay`, and an `announce` that differs from \
its default, need `outcomes: true`.
- `resultReaders` needs `results: queue`.
- `payloads: true` needs `taskRoles`. These roles have to exist: policies of the bucket and of \
the stage's key name them. Roles that only a pattern matches need `s3:GetObject` and \
`kms:Decrypt` in a policy of their own, too.
- The capacity providers of `limits` are among `capacityProviders`.
- `limits` and `templates` are judged by the rules of [messages.md](messages.md).
- The lists of names, and what else differs from its default, fit in the {MAX_ENVIRONMENT_BYTES} \
bytes of the function's environment.

[parameters.md](parameters.md) says which option is about which parameter of RunTask.
"""

_CODE: Final = re.compile(r"(`[^`]*`)")


def render() -> str:
    """Return the page."""
    declared = load_project(ROOT).declared
    bootstrap, function = _rows(declared, bootstrap_options), _rows(declared, function_options)
    both = bootstrap.keys() & function.keys()
    return "\n".join(
        (
            _INTRODUCTION,
            _PROVIDER,
            _BOTH,
            _table(bootstrap[option] for option in bootstrap if option in both),
            _BOOTSTRAP,
            _table(bootstrap[option] for option in bootstrap if option not in both),
            _FUNCTION,
            _table(function[option] for option in function if option not in both),
            _COMBINATIONS,
        )
    ).replace("\n\n\n", "\n\n")


def _rows(
    declared: Mapping[str, Mapping[str, Any]], read: Callable[[Reader], object]
) -> dict[str, str]:
    """Return a row for each option that `read` reads, with what it accepts."""
    defaults = {
        f"{PROJECT}:{option}": declaration["default"] for option, declaration in declared.items()
    }
    reader = Reader("dev", lambda key: _text(defaults.get(key, "")))
    read(reader)
    rows = {}
    for option, declaration in declared.items():
        if option in reader.expected:
            required = any(f"{PROJECT}:{option}: is missing" in text for text in reader.problems)
            cells = (
                f"`{option}`",
                _type(declaration),
                "required" if required else _default(declaration["default"]),
                _escaped(reader.expected[option]),
                _escaped(declaration["description"]),
            )
            rows[option] = f"| {' | '.join(cells)} |"
    return rows


def _table(rows: Iterable[str]) -> str:
    header = ("| option | type | default | valid values | description |", "| --- " * 5 + "|")
    return "\n".join((*header, *rows)) + "\n"


def _type(declaration: Mapping[str, Any]) -> str:
    if declaration["type"] == "array":
        return f"list of {declaration['items']['type']}s"
    return str(declaration["type"])


def _default(default: object) -> str:
    return "empty" if default in ("", []) else f"`{_text(default)}`"


def _text(value: object) -> str:
    """Return a value as the engine hands it to the program."""
    return value if isinstance(value, str) else json.dumps(value)


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is, but for spans of code."""
    parts = _CODE.split(text)
    parts[::2] = [re.sub(r"([\\<*_|])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)
