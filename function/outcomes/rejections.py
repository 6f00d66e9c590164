"""In words, why a message was rejected: for every reason of `function.failures.reasons`.

`docs/failures.md` has more on each.
"""

from __future__ import annotations

from typing import Final

# Name: what happened, why, and what to do.
REJECTIONS: Final = {
    "not-json": (
        "the body is not JSON",
        "The sender sent text that is not JSON, or is nested too deeply.",
        "Send JSON; the error has line and column.",
    ),
    "not-an-object": (
        "the body is not an object",
        "The body, or the value of `ECS`, is a list, text, a number or null.",
        "Send an object.",
    ),
    "unknown-parameter": (
        "the message has an unknown parameter",
        "RunTask has no parameter of that name, or it stands beside `ECS` instead of inside it.",
        "Use a name from the list in the error.",
    ),
    "missing-parameter": (
        "a parameter is missing",
        "The message lacks a parameter that RunTask requires.",
        "Add it.",
    ),
    "wrong-type": (
        "a value has the wrong type",
        "RunTask expects another type there.",
        "Use the type in the error.",
    ),
    "bad-value": (
        "a value is impossible",
        "The message has a value, or a combination of values, that RunTask never accepts.",
        "Correct it as the error says.",
    ),
    "over-limit": (
        "the message exceeds a limit of RunTask",
        "The message asks for more than one call can do.",
        "Send less, or several messages; pass long input as `payload`.",
    ),
    "bad-key": (
        "the key is not valid",
        "The message attribute `key` is not 1 to 48 letters, digits, - and _.",
        "Send another key, or none.",
    ),
    "bad-limits": (
        "the block `limits` is not valid",
        "The message has a limit that is unknown or has an impossible value.",
        "Correct it as the error says.",
    ),
    "bad-restart": (
        "a restart was asked for that is not known",
        "A message asks for a restart that the history of its key does not have.",
        "Find out who sent it; only the function sends restarts.",
    ),
    "template": (
        "the stage's template makes no request of the event",
        "The result of the template is not a valid request.",
        "Correct the option `templates`, then redrive.",
    ),
    "envelope": (
        "the body is the notification of a service",
        "The queue gets events for which the stage has no template.",
        "Configure the source as the error says, or set the option `templates`.",
    ),
    "not-allowed": (
        "the stage does not allow it",
        "The message chooses something that the stage's configuration leaves to nobody.",
        "Choose what the error says is allowed, or change the configuration and redrive.",
    ),
    "key-reused": (
        "the key was used for another request",
        "Two different requests were sent with one key.",
        "Use a new key for each request.",
    ),
    "outcome-unknown": (
        "nobody knows whether its tasks were started",
        "The answer of RunTask was lost, and it is too late to ask ECS.",
        "Look whether the tasks ran; if not, send the request again with a new key.",
    ),
    "service-not-found": (
        "there is no such service",
        "The cluster has no active service of that name to take the network from.",
        "Correct the name, or create the service and redrive.",
    ),
    "task-definition-not-found": (
        "there is no such task definition",
        "The task definition does not exist, or is inactive.",
        "Correct the name, or register the task definition and redrive.",
    ),
    "container-ambiguous": (
        "it is not clear which container is meant",
        "An override names no container, and the task definition has not one essential one.",
        "Name the container in the override.",
    ),
    "invalid-parameter": (
        "RunTask refused a value",
        "A value does not exist or does not fit, such as a subnet.",
        "Correct it as the error says.",
    ),
    "client-error": (
        "RunTask refused the request",
        "AWS gives the reason in the error.",
        "Correct the request as the error says.",
    ),
    "unsupported": (
        "the request is not supported",
        "The platform version or the region does not support the task definition.",
        "Change the platform version or the task definition.",
    ),
    "access-denied": (
        "the function may not do it",
        "The function's role lacks a permission, often `iam:PassRole`.",
        "Correct the stage's clusters, task definitions and roles, deploy, then redrive.",
    ),
    "role-not-assumable": (
        "ECS cannot assume a role",
        "The task's role does not trust ECS, or ECS's service-linked role is missing.",
        "Let the role trust `ecs-tasks.amazonaws.com`, then redrive.",
    ),
    "cluster-not-found": (
        "there is no such cluster",
        "The cluster does not exist, or is inactive.",
        "Create it, or correct the stage's configuration, then redrive.",
    ),
    "capacity-provider": (
        "a capacity provider cannot be used",
        "It is not active, or not associated with the cluster.",
        "Associate it with the cluster, then redrive.",
    ),
    "blocked": (
        "AWS has blocked the account",
        "AWS does not let this account use ECS.",
        "Contact AWS Support, then redrive.",
    ),
    "credentials": (
        "the function's credentials were refused",
        "The function's role was deleted, recreated, or cannot be assumed.",
        "Check the role and deploy, then redrive.",
    ),
    "placement": (
        "no container instance fits",
        "None has the attributes or satisfies the placement constraints of the task.",
        "Add such an instance, or change the constraint, then redrive.",
    ),
    "unexpected": (
        "an unexpected error",
        "AWS returned an error that this version does not know, or the function has a bug.",
        "Look for `unexpected exception` in the function's log.",
    ),
    "throttled": (
        "too many calls",
        "The account exceeds its rate of calls.",
        "Lower the stage's rate or request a higher quota, then redrive.",
    ),
    "server-error": (
        "ECS returned a server error",
        "ECS had a problem of its own.",
        "Redrive it when ECS works again.",
    ),
    "network": (
        "ECS was not reached",
        "There was no connection, or no response in time.",
        "Check the function's network, then redrive.",
    ),
    "resource": (
        "the container instances are full",
        "None has enough CPU, memory, ports, interfaces or GPUs left.",
        "Add instances, then redrive.",
    ),
    "agent": (
        "a container agent is disconnected",
        "The instance's agent does not answer ECS.",
        "Check the instance, then redrive.",
    ),
    "quota": (
        "the account's quota of tasks is used up",
        "The account runs as many tasks or vCPUs as it may.",
        "Wait for tasks to end or request a higher quota, then redrive.",
    ),
    "capacity": (
        "AWS has no capacity",
        "There is none for this launch type in the availability zones of these subnets.",
        "Use subnets in more availability zones, or the limit `capacity`, then redrive.",
    ),
    "provisioning": (
        "too many tasks are in the state PROVISIONING",
        "The capacity provider scales more slowly than tasks are started.",
        "Let it scale faster, then redrive.",
    ),
    "concurrency": (
        "the limit `concurrency` is reached",
        "As many tasks of its group run as the limit allows.",
        "Wait for them to end, or raise the limit, then redrive.",
    ),
    "restart-delay": (
        "it is too early for a restart",
        "The wait before a restart is not over.",
        "Nothing; the restart follows.",
    ),
    "payload-unavailable": (
        "the payload could not be stored",
        "The payload bucket does not take objects.",
        "Check the bucket, its KMS key and the function's role, then redrive.",
    ),
    "circuit-open": (
        "others found no capacity",
        "Messages for the same cluster and launch type found none, so this one was not tried.",
        "As for `capacity`, `quota` and `resource`.",
    ),
    "not-attempted": (
        "there was no time for it",
        "The rate of calls left no time for it in its invocations.",
        "Raise the stage's rate, then redrive.",
    ),
    "in-progress": (
        "another delivery is at work",
        "The message was delivered twice.",
        "Nothing; look at it again in a minute.",
    ),
    "conflict-unresolved": (
        "ECS knows its client token with other parameters",
        "An earlier call for the key asked for something else.",
        "Look for tasks with this `startedBy`, then redrive.",
    ),
    "table-unavailable": (
        "the ledger table was not available",
        "The table did not answer, or refused the call.",
        "Check the table, its KMS key and the function's role, then redrive.",
    ),
    "daily-limit": (
        "the stage's tasks of the day are used up",
        "`maxTasksPerDay` was reached.",
        "Raise the option, or redrive it tomorrow.",
    ),
    "blocked-by-group": (
        "a message before it waits",
        "A message before it in its FIFO group returned to the queue.",
        "See that message.",
    ),
    "dead-letter-unreachable": (
        "the dead-letter queue was not reached",
        "The message could not be moved there.",
        "Check the queue, its KMS key and the function's role.",
    ),
    "expired": (
        "its retention was about to end",
        "A failure that passes with time did not pass; the error has the last one.",
        "Fix that, then redrive.",
    ),
}
