"""In words, what became of a key, why, and what to do: for notices and `runtask status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from function.outcomes.rejections import REJECTIONS
from function.outcomes.states import State

# Name: what happened, why, and what to do. The causes of `stops`, the reasons of `settling`, and
# why a restart could not be made.
_TASKS: Final = {
    "network-interface": (
        "the network interface was not ready in time",
        "EC2 was slow, or its rate of calls was exceeded.",
        "Send the request again with a new key; if it is frequent, lower the stage's rate.",
    ),
    "network": (
        "a service was not reached",
        "The task could not reach a service that it needs to start, such as Secrets Manager.",
        "Check the subnets' routes, endpoints and security groups, then send it again.",
    ),
    "image-pull": (
        "the registry was not reached",
        "The connection to the registry failed, or it returned a server error.",
        "Check the subnets' routes and endpoints to the registry, then send it again.",
    ),
    "registry-throttled": (
        "the registry refused the pull for its rate",
        "The registry's limit of pulls was exceeded.",
        "Pull with credentials, or through a pull-through cache of ECR.",
    ),
    "throttled": (
        "too many calls",
        "The rate of calls of a service that the task needs to start was exceeded.",
        "Lower the stage's rate, or request a higher quota.",
    ),
    "storage": (
        "the ephemeral storage was not ready in time",
        "Fargate was slow to attach it.",
        "Send the request again with a new key.",
    ),
    "capacity": (
        "there was no capacity",
        "AWS, or the cluster's instances, had nothing left to run it on.",
        "Use subnets in more availability zones, or the limit `capacity`.",
    ),
    "spot": (
        "Spot took the capacity back",
        "AWS interrupted the task on Spot capacity.",
        "Send it again, let `onExit` restart it, or use `capacity` with FARGATE.",
    ),
    "infrastructure": (
        "its host failed or was taken away",
        "AWS maintained or lost the host, or an instance was drained.",
        "Send it again with a new key, if it may run twice.",
    ),
    "placement": (
        "no container instance fits",
        "None has the attributes or satisfies the placement constraints of the task.",
        "Add such an instance, or change the constraint.",
    ),
    "subnet-exhausted": (
        "the subnet has no free address",
        "All addresses of the subnet are in use.",
        "Use larger subnets, or more of them.",
    ),
    "other": (
        "the task failed to start",
        "ECS gives a reason that this version does not know.",
        "See what ECS says of the task.",
    ),
    "image-not-found": (
        "there is no such image",
        "The registry does not have the image or tag, or not for this platform.",
        "Push the image, or correct the task definition.",
    ),
    "secret-not-found": (
        "there is no such secret",
        "A secret or parameter of the task definition does not exist.",
        "Create it, or correct the task definition.",
    ),
    "access-denied": (
        "the execution role lacks a permission",
        "The task may not pull its image, read a secret, or write its log.",
        "Add the permission to the task's execution role, or to the resource's policy.",
    ),
    "container-start": (
        "a container could not be started",
        "The image, the command, a volume or the log configuration is wrong.",
        "Correct the task definition as ECS says.",
    ),
    "user": (
        "the task was stopped by somebody",
        "StopTask was called by a person or a program.",
        "CloudTrail tells who called StopTask.",
    ),
    "scheduler": (
        "the task was stopped by a service's scheduler",
        "ECS stopped it as a part of a service.",
        "Check why a task of this kit belongs to a service.",
    ),
    "exit-code": (
        "the container ended with an error",
        "The program returned an exit code other than 0.",
        "See the task's log.",
    ),
    "no-exit-code": (
        "the container ended without an exit code",
        "ECS does not tell how the container ended.",
        "See the task's log, and what ECS says of the task.",
    ),
    "out-of-memory": (
        "the container used more memory than it may",
        "The kernel ended it because of its memory limit.",
        "Give it more memory, or let the program use less.",
    ),
    "max-runtime": (
        "the task ran for longer than it may",
        "The limit `maxRuntime` was exceeded, so the task was stopped.",
        "See the task's log; raise the limit if the time was needed.",
    ),
    "end-unknown": (
        "nobody knows how the task ended",
        "The event of its end was lost, and ECS does not describe the task any more.",
        "See the task's log.",
    ),
    "task-gone": (
        "it was too late to start the task again",
        "ECS does not describe the stopped task any more, which has the request.",
        "Send the request again with a new key.",
    ),
    "": (
        "the task ended",
        "All of its containers that matter ended with 0.",
        "Nothing.",
    ),
}

# Hosts of the console by partition; before each stands the region.
# https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
# https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-differences.html
_CONSOLES: Final = {
    "aws": "console.aws.amazon.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}

_ARN_PARTS: Final = 6


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What happened, why, and what to do.

    Attributes:
        words: What happened, as the part of a sentence.
        cause: Why, as a sentence.
        cure: What to do, as a sentence.
    """

    words: str
    cause: str
    cure: str


@dataclass(frozen=True, kw_only=True)
class ConsoleLinks:
    """Pages of the console about a task.

    Attributes:
        task: The task's configuration and its containers.
        log: The log of its containers.
    """

    task: str
    log: str


def explain(state: State, reason: str) -> Explanation:
    """Return what a reason of a state means.

    Some names have one meaning for a message that was rejected, and another for a task.

    Args:
        state: The state of a key.
        reason: The reason, `History.reason`, or a cause of a restart.
    """
    first, second = _TASKS, REJECTIONS
    if state in {State.QUEUED, State.REJECTED, State.EXPIRED}:
        first, second = second, first
    words, cause, cure = first.get(reason) or second.get(reason) or _unknown(reason)
    return Explanation(words=words, cause=cause, cure=cure)


def console_links(arn: str, cluster: str = "") -> ConsoleLinks | None:
    """Return the pages of the console about a task, None if its partition has no known console.

    Args:
        arn: The task's ARN.
        cluster: Name or ARN of its cluster; needed only if the task's ARN does not have it.
    """
    parts = arn.split(":", _ARN_PARTS - 1)
    host = _CONSOLES.get(parts[1]) if len(parts) == _ARN_PARTS else None
    if host is None:
        return None
    region, path = parts[3], parts[5].split("/")
    name = path[1] if len(path) > 2 else cluster.rpartition("/")[2] or "default"  # noqa: PLR2004
    page = f"https://{region}.{host}/ecs/v2/clusters/{name}/tasks/{path[-1]}"
    return ConsoleLinks(
        task=f"{page}/configuration?region={region}", log=f"{page}/logs?region={region}"
    )


def _unknown(reason: str) -> tuple[str, str, str]:
    return (
        reason,
        "This version does not know the reason.",
        "See docs/failures.md of the version that wrote it.",
    )
