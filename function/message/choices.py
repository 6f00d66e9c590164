"""What a sender may choose: the values of a request that the options of a stage allow.

`PARAMETERS` says which parameters there are and which option allows each; here is what an option
means. Names of clusters, task definitions and roles are checked in `function.message.allowlist`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from function.message import allowlist, applied_limits
from function.message.forms import path
from function.message.parameters import PARAMETERS, SetBy
from function.message.parsing import PAYLOAD, describe
from function.message.patterns import any_matches
from function.message.problems import (
    Problem,
    listed,
    not_allowed,
    quoted,
    raise_first,
    unknown_parameter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from function.message.request import Request
    from function.settings import Settings

_UNITS_PER_VCPU: Final = 1024
_MEBIBYTES_PER_GIGABYTE: Final = 1024

# The size of a task, as ECS reads it.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
_CPU_UNITS: Final = re.compile(r"[0-9]{1,9}")
_VCPUS: Final = re.compile(r"([0-9]{0,6}\.?[0-9]{1,6}) ?vcpu", re.ASCII | re.IGNORECASE)
_MEBIBYTES: Final = _CPU_UNITS
_GIGABYTES: Final = re.compile(r"([0-9]{0,6}\.?[0-9]{1,6}) ?gb", re.ASCII | re.IGNORECASE)

# What a stage allows for a parameter that no option is about.
_ANYTHING: Final = {
    SetBy.KIT: "nothing",
    SetBy.SENDER: "anything",
    SetBy.OPTION: "anything",
    SetBy.NOBODY: "nothing",
}

# The part of a path that stands for any item of a list.
_ITEM: Final = "[]"


class _Rule(NamedTuple):
    """What a stage allows for a parameter, and with all that is below it.

    Attributes:
        allows: Returns whether a value is allowed.
        allowed: What is allowed, in words.
        options: The options that would allow more; empty if there is none.
    """

    allows: Callable[[Any], bool]
    allowed: str
    options: tuple[str, ...]


class _Node:
    """A parameter and those below it, by name; a list has the name of its items alone.

    Attributes:
        rule: What the stage allows, if it limits it.
        below: The parameters below it.
        free: Whether there is nothing to check.
        plain: Whether there is nothing to check but the names of the parameters below it.
    """

    __slots__ = ("below", "free", "plain", "rule")

    def __init__(self) -> None:
        self.rule: _Rule | None = None
        self.below: dict[str, _Node] = {}
        self.free = self.plain = False

    def at(self, place: str) -> _Node:
        """Return the parameter at a path, which is added if it is missing."""
        node = self
        for name in place.replace(_ITEM, f".{_ITEM}").split("."):
            node = node.below.setdefault(name, _Node())
        return node

    def finish(self) -> None:
        """Work out what there is to check, here and below."""
        for node in self.below.values():
            node.finish()
        self.free = self.rule is None and not self.below
        self.plain = self.rule is None and all(node.free for node in self.below.values())


# The way to a value: the way to what it is in, and its name or its position there.
_Way: TypeAlias = "tuple[_Way, str | int] | None"


def check(request: Request, settings: Settings) -> None:
    """Check a request against the options of a stage.

    Raises:
        PermanentFailure: `not-allowed`, with what is and the option that would allow it;
            `unknown-parameter`, if a parameter has not been judged; `bad-value`, if no option
            allows it.
    """
    raise_first(problems(request, settings))


def problems(request: Request, settings: Settings) -> list[Problem]:
    """Return everything in a request that a stage does not allow.

    Args:
        request: Of the right types, as `validate` leaves it.
        settings: The options.
    """
    found = list(allowlist.problems(request, settings))
    if request.count > settings.max_count:
        found.append(
            not_allowed(
                path("count", flat=request.flat),
                str(request.count),
                f"1 to {settings.max_count}",
                settings,
                "maxCount",
            )
        )
    if request.payload is not None and request.payload.bucket is None:
        where = path(PAYLOAD, flat=request.flat)
        found.append(not_allowed(where, "a payload", "nothing", settings, "payloads: true"))
    found += applied_limits.problems(request, settings)
    found += _walk(request.parameters, settings, flat=request.flat)
    overrides = request.parameters.get("overrides")
    if overrides and len(overrides.get("containerOverrides", ())) > 1:
        found += _sums(overrides["containerOverrides"], settings, flat=request.flat)
    return found


def check_providers(names: Iterable[str], settings: Settings) -> None:
    """Check the capacity providers that a request takes from its service.

    The policy of the function's role limits them wherever they come from.

    Raises:
        PermanentFailure: `not-allowed`.
    """
    raise_first(
        [
            not_allowed(
                "ECS.service",
                f"a service with the capacity provider {quoted(name)}",
                listed(settings.capacity_providers),
                settings,
                "capacityProviders",
            )
            for name in names
            if not any_matches(settings.capacity_providers, name)
        ]
    )


def cpu_units(text: str) -> float | None:
    """Return the CPU units of a task's override, such as `1024` or `1 vCPU`; None if it is none."""
    text = text.strip()
    if _CPU_UNITS.fullmatch(text):
        return int(text)
    vcpus = _VCPUS.fullmatch(text)
    return None if vcpus is None else float(vcpus[1]) * _UNITS_PER_VCPU


def mebibytes(text: str) -> float | None:
    """Return the memory of a task's override, such as `2048` or `2 GB`; None if it is none."""
    text = text.strip()
    if _MEBIBYTES.fullmatch(text):
        return int(text)
    gigabytes = _GIGABYTES.fullmatch(text)
    return None if gigabytes is None else float(gigabytes[1]) * _MEBIBYTES_PER_GIGABYTE


def allowed_texts(settings: Settings) -> dict[str, str]:
    """Return what a stage allows for each parameter, in words, by path."""
    rules = {place: rule.allowed for place, rule in _rules(settings).items()}
    volumes = "volumeConfigurations"
    texts = {
        "cluster": listed(settings.clusters),
        "taskDefinition": f"{listed(settings.task_definitions)};"
        f" revision: {settings.task_definition_revisions}",
        "count": f"1 to {settings.max_count}",
        "overrides.taskRoleArn": listed(settings.task_roles),
        "overrides.executionRoleArn": listed(settings.execution_roles),
        f"{volumes}[].managedEBSVolume.roleArn": listed(settings.volume_roles),
        **rules,
    }
    found = {}
    for parameter in PARAMETERS:
        place = parameter.path
        text = texts.get(place) or _ANYTHING[parameter.set_by]
        if place.startswith(volumes) and not settings.ebs_volumes:
            text = rules[volumes]
        elif place.endswith("tags[].value"):
            text = f"any, of the keys {listed(settings.tag_keys)}"
        found[place] = text
    return found


def _walk(parameters: Mapping[str, Any], settings: Settings, *, flat: bool) -> list[Problem]:
    """Return the values that the stage does not allow, and the parameters that are not known.

    Every message goes through this, so it visits only what there is to check.
    """
    found: list[Problem] = []
    waiting: list[tuple[_Way, _Node, Any]] = [(None, _tree(settings), parameters)]
    for way, node, value in waiting:  # which grows meanwhile
        rule, below = node.rule, node.below
        if rule is not None and not rule.allows(value):
            found.append(_problem(rule, path(_place(way), flat=flat), value, settings))
        elif not below:
            continue
        elif isinstance(value, list):
            item_node = below[_ITEM]
            if not item_node.free:
                waiting += [((way, at), item_node, item) for at, item in enumerate(value)]
        elif not node.plain or not value.keys() <= below.keys():
            for name, item in value.items():
                member = below.get(name)
                if member is None:
                    found.append(_unknown(path(_place((way, name)), flat=flat), node))
                elif not member.free:
                    waiting.append(((way, name), member, item))
    return found


def _place(way: _Way) -> str:
    """Return the path of a value."""
    if way is None:
        return ""
    before, name = _place(way[0]), way[1]
    return f"{before}[{name}]" if isinstance(name, int) else f"{before}.{name}".removeprefix(".")


def _problem(rule: _Rule, where: str, value: object, settings: Settings) -> Problem:
    found = describe(value) if isinstance(value, dict | list) else quoted(value)
    if rule.options:
        return not_allowed(where, found, rule.allowed, settings, *rule.options)
    return Problem(
        "bad-value", f"{where}: found {found}; allowed: {rule.allowed}; no option allows it"
    )


def _unknown(where: str, node: _Node) -> Problem:
    name = where.rpartition(".")[2]
    return Problem("unknown-parameter", unknown_parameter(where, name, list(node.below)))


def _sums(containers: list[dict[str, Any]], settings: Settings, *, flat: bool) -> list[Problem]:
    """Return the sizes that are too large for all containers together."""
    return [
        not_allowed(
            path("overrides.containerOverrides", flat=flat),
            f"{total} {unit} of {name} in all containers",
            f"at most {most}",
            settings,
            option,
        )
        for name, unit, most, option in (
            ("cpu", "units", settings.max_task_cpu_units, "maxTaskCpuUnits"),
            ("memory", "MiB", settings.max_task_memory_mebibytes, "maxTaskMemoryMebibytes"),
            (
                "memoryReservation",
                "MiB",
                settings.max_task_memory_mebibytes,
                "maxTaskMemoryMebibytes",
            ),
        )
        if (total := sum(max(0, container.get(name, 0)) for container in containers)) > most
    ]


def _tree(settings: Settings) -> _Node:
    """Return all parameters, with the rules of a stage; those of the last stage are kept."""
    global _last  # noqa: PLW0603 - a cache that compares by identity, which a dictionary does not
    last = _last
    if last is None or last[0] is not settings:
        last = _last = (settings, _made_tree(settings))
    return last[1]


_last: tuple[Settings, _Node] | None = None


def _made_tree(settings: Settings) -> _Node:
    root = _Node()
    for parameter in PARAMETERS:
        root.at(parameter.path)
    for place, rule in _rules(settings).items():
        root.at(place).rule = rule
    root.finish()
    return root


def _rules(settings: Settings) -> dict[str, _Rule]:
    """Return what a stage allows, by path; a rule of an object or a list covers all below it."""
    awsvpc = "networkConfiguration.awsvpcConfiguration"
    container = "overrides.containerOverrides[]"
    volume = "volumeConfigurations[].managedEBSVolume"
    cpu, memory = settings.max_task_cpu_units, settings.max_task_memory_mebibytes
    units = f'at most {cpu} CPU units, such as "1024" or "1 vCPU"'
    size = f'at most {memory} MiB, such as "2048" or "2 GB"'
    return {
        f"{awsvpc}.subnets[]": _among(settings.subnets, "subnets"),
        f"{awsvpc}.securityGroups[]": _among(settings.security_groups, "securityGroups"),
        f"{awsvpc}.assignPublicIp": _Rule(
            lambda value: settings.public_ip or value == "DISABLED",
            "ENABLED and DISABLED" if settings.public_ip else "DISABLED",
            ("publicIp: true",),
        ),
        "launchType": _among(settings.launch_types, "launchTypes"),
        "capacityProviderStrategy[].capacityProvider": _among(
            settings.capacity_providers, "capacityProviders"
        ),
        "enableExecuteCommand": _Rule(
            lambda value: settings.execute_command or value is False,
            "true and false" if settings.execute_command else "false",
            ("executeCommand: true",),
        ),
        "overrides.cpu": _size(cpu_units, cpu, units, "maxTaskCpuUnits"),
        "overrides.memory": _size(mebibytes, memory, size, "maxTaskMemoryMebibytes"),
        f"{container}.cpu": _most(cpu, "CPU units", "maxTaskCpuUnits"),
        f"{container}.memory": _most(memory, "MiB", "maxTaskMemoryMebibytes"),
        f"{container}.memoryReservation": _most(memory, "MiB", "maxTaskMemoryMebibytes"),
        "overrides.ephemeralStorage.sizeInGiB": _most(
            settings.max_ephemeral_storage_gibibytes, "GiB", "maxEphemeralStorageGibibytes"
        ),
        f"{container}.environmentFiles[].value": _among(
            settings.environment_files, "environmentFiles"
        ),
        "overrides.inferenceAcceleratorOverrides": _Rule(
            lambda value: not value, "nothing, because Amazon Elastic Inference has ended", ()
        ),
        "volumeConfigurations": _Rule(
            lambda value: settings.ebs_volumes or not value,
            "EBS volumes" if settings.ebs_volumes else "nothing",
            ("ebsVolumes: true",),
        ),
        f"{volume}.sizeInGiB": _most(
            settings.max_ebs_volume_gibibytes, "GiB", "maxEbsVolumeGibibytes"
        ),
        f"{volume}.snapshotId": _among(settings.ebs_snapshots, "ebsSnapshots"),
        f"{volume}.terminationPolicy.deleteOnTermination": _Rule(
            lambda value: value is True,
            "true, because a volume is paid for until it is deleted",
            (),
        ),
        f"{volume}.tagSpecifications[].tags[].key": _among(settings.tag_keys, "tagKeys"),
        "tags[].key": _among(settings.tag_keys, "tagKeys"),
    }


def _among(patterns: tuple[str, ...], option: str) -> _Rule:
    names = frozenset(patterns)
    return _Rule(
        lambda value: value in names or any_matches(patterns, value), listed(patterns), (option,)
    )


def _most(most: int, unit: str, option: str) -> _Rule:
    return _Rule(lambda value: value <= most, f"at most {most} {unit}", (option,))


def _size(read: Callable[[str], float | None], most: int, allowed: str, option: str) -> _Rule:
    def allows(value: str) -> bool:
        size = read(value)
        return size is not None and size <= most

    return _Rule(allows, allowed, (option,))
