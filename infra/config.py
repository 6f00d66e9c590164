"""The program's configuration: two frozen models, checked whole before anything is made."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass

from infra import limits
from infra.config_reader import Getter, Reader
from infra.names import BOOTSTRAP_SUFFIX, PROJECT, Location, is_stage_name

BUILD = "build"

_ACCOUNT = re.compile(r"\d{12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com")
_PRINCIPAL_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role)/\S+)")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|\*):role/\S+")
_CLUSTER = re.compile(r"[A-Za-z0-9_*?-]{1,255}|arn:aws[a-z-]*:ecs:[^:\s]*:[^:\s]*:cluster/\S+")
_TASK_DEFINITION = re.compile(
    r"[A-Za-z0-9_*?-]{1,255}(:(\d+|\*))?|arn:aws[a-z-]*:ecs:[^:\s]*:[^:\s]*:task-definition/\S+"
)
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_SUBJECT = re.compile(r"(ref:refs/(heads|tags)/|environment:)[^*?\s]+")
_OIDC_PROVIDER = re.compile(
    r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, kw_only=True)
class GithubTrust:
    """The workflows that may assume the deploy role by OIDC."""

    repository: str
    subjects: tuple[str, ...]
    provider_arn: str


@dataclass(frozen=True, kw_only=True)
class BootstrapConfig:
    """What an account's bootstrap stack is made of."""

    name: str
    location: Location
    deploy_principals: tuple[str, ...]
    deploy_external_id: str
    github: GithubTrust | None
    artifact_readers: tuple[str, ...]
    artifact_sources: tuple[str, ...]
    artifact_retention_days: int


@dataclass(frozen=True, kw_only=True)
class FunctionConfig:
    """What a stage's function stack is made of."""

    stage: str
    location: Location
    bootstrap: str
    artifact: str
    clusters: tuple[str, ...]
    task_definitions: tuple[str, ...]
    pass_roles: tuple[str, ...]
    senders: tuple[str, ...]
    notify_emails: tuple[str, ...]
    fifo: bool
    launch_rate: int
    run_task_latency_milliseconds: int
    maximum_concurrency: int
    batch_size: int
    batching_window_seconds: int
    timeout_seconds: int
    memory_megabytes: int
    queue_retention_days: int
    dead_letter_retention_days: int
    environment_max_age_minutes: int
    log_level: str
    log_retention_days: int

    @property
    def visibility_timeout_seconds(self) -> int:
        """How long the queue hides a message that is being worked on."""
        return limits.VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT * self.timeout_seconds

    @property
    def cluster_arns(self) -> tuple[str, ...]:
        """The clusters that messages may name, as ARN patterns."""
        return tuple(self.location.cluster_arn(cluster) for cluster in self.clusters)

    @property
    def task_definition_arns(self) -> tuple[str, ...]:
        """The task definitions that messages may name, as ARN patterns."""
        return tuple(self.location.task_definition_arn(name) for name in self.task_definitions)


def is_principal(text: str) -> bool:
    """Say whether a policy can name `text` as its principal: an account, a role or a user."""
    return bool(_ACCOUNT.fullmatch(text) or _PRINCIPAL_ARN.fullmatch(text))


def is_service(text: str) -> bool:
    """Say whether `text` names an AWS service, as `events.amazonaws.com` does."""
    return _SERVICE.fullmatch(text) is not None


def read_bootstrap_config(stack: str, get: Getter) -> BootstrapConfig:
    """Read a bootstrap stack's configuration.

    Args:
        stack: The stack's name, `<account>-bootstrap`.
        get: Looks a value up as the engine does: `namespace:key` to text, lists as JSON.

    Raises:
        ConfigError: naming every key, what was found there, and what to do.
    """
    reader = Reader(stack, get)
    github = _github(reader)
    config = BootstrapConfig(
        name=stack.removesuffix(BOOTSTRAP_SUFFIX),
        location=reader.location(),
        deploy_principals=reader.strings(
            "deployPrincipals",
            is_principal,
            "an account id, or the ARN of a role or user",
            # Workflows can be the only ones that deploy.
            example="" if github else "arn:aws:iam::111111111111:role/administrator",
        ),
        deploy_external_id=reader.text("deployExternalId"),
        github=github,
        artifact_readers=reader.strings(
            "artifactReaders",
            _ROLE_ARN.fullmatch,
            "a role ARN of one account, with * where its name varies",
        ),
        artifact_sources=reader.strings(
            "artifactSources", _ACCOUNT.fullmatch, "an account id of twelve digits, in quotes"
        ),
        artifact_retention_days=reader.integer("artifactRetentionDays", range(1, 3651), "days"),
    )
    reader.done()
    return config


def read_function_config(stack: str, get: Getter) -> FunctionConfig:
    """Read a function stack's configuration.

    Args:
        stack: The stack's name, which is the stage.
        get: Looks a value up as the engine does: `namespace:key` to text, lists as JSON.

    Raises:
        ConfigError: naming every key, what was found there, and what to do.
    """
    reader = Reader(stack, get)
    if not is_stage_name(stack):
        reader.problem(
            "the stage's name",
            f"found {stack!r}",
            f"allowed are up to {limits.STAGE_NAME_CHARACTERS} lower-case letters, digits and "
            "inner hyphens",
        )
    config = FunctionConfig(
        stage=stack,
        location=reader.location(),
        bootstrap=_bootstrap(reader),
        artifact=_artifact(reader),
        clusters=reader.strings(
            "clusters", _CLUSTER.fullmatch, "a cluster's name or ARN", example="batch"
        ),
        task_definitions=reader.strings(
            "taskDefinitions",
            _TASK_DEFINITION.fullmatch,
            "a family, family:revision or ARN",
            example="report",
        ),
        pass_roles=reader.strings("passRoles", _ROLE_ARN.fullmatch, "a role's ARN"),
        senders=reader.strings(
            "senders",
            lambda text: is_principal(text) or is_service(text),
            "an account id, the ARN of a role or user, or a service such as events.amazonaws.com",
        ),
        notify_emails=reader.strings("notifyEmails", _EMAIL.fullmatch, "an e-mail address"),
        fifo=reader.boolean("fifo"),
        launch_rate=reader.integer("launchRate", limits.LAUNCH_RATE_PER_SECOND, "calls a second"),
        run_task_latency_milliseconds=reader.integer(
            "runTaskLatencyMilliseconds", limits.RUN_TASK_LATENCY_MILLISECONDS, "milliseconds"
        ),
        maximum_concurrency=reader.integer(
            "maximumConcurrency", limits.MAXIMUM_CONCURRENCY, "instances"
        ),
        batch_size=reader.integer("batchSize", limits.BATCH_SIZE, "messages"),
        batching_window_seconds=reader.integer(
            "batchingWindowSeconds", limits.BATCHING_WINDOW_SECONDS, "seconds"
        ),
        timeout_seconds=reader.integer(
            "timeoutSeconds",
            range(limits.FUNCTION_TIMEOUT_MINIMUM_SECONDS, limits.FUNCTION_TIMEOUT_SECONDS.stop),
            "seconds",
        ),
        memory_megabytes=reader.integer(
            "memoryMegabytes", limits.FUNCTION_MEMORY_MEGABYTES, "megabytes"
        ),
        queue_retention_days=reader.integer(
            "queueRetentionDays", limits.QUEUE_RETENTION_DAYS, "days"
        ),
        dead_letter_retention_days=reader.integer(
            "deadLetterRetentionDays", limits.QUEUE_RETENTION_DAYS, "days"
        ),
        environment_max_age_minutes=reader.integer(
            "environmentMaxAgeMinutes", range(1, 14 * 24 * 60 + 1), "minutes"
        ),
        log_level=_log_level(reader),
        log_retention_days=reader.integer("logRetentionDays", limits.LOG_RETENTION_DAYS, "days"),
    )
    _check_together(reader, config)
    reader.done()
    return config


def _github(reader: Reader) -> GithubTrust | None:
    repository = reader.text("githubRepository")
    provider = reader.text("githubProviderArn")
    if not repository:
        return None
    if not _REPOSITORY.fullmatch(repository):
        reader.problem(
            f"{PROJECT}:githubRepository", f"found {repository!r}", "expected owner/name"
        )
    if provider and not _OIDC_PROVIDER.fullmatch(provider):
        reader.problem(
            f"{PROJECT}:githubProviderArn",
            f"found {provider!r}",
            "expected arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com",
        )
    subjects = reader.strings(
        "githubSubjects",
        _SUBJECT.fullmatch,
        "ref:refs/heads/<branch> or environment:<name>",
        example="environment:prod",
    )
    return GithubTrust(repository=repository, subjects=subjects, provider_arn=provider)


def _bootstrap(reader: Reader) -> str:
    bootstrap = reader.text("bootstrap") or f"{reader.stack}{BOOTSTRAP_SUFFIX}"
    if not bootstrap.endswith(BOOTSTRAP_SUFFIX):
        reader.problem(
            f"{PROJECT}:bootstrap",
            f"found {bootstrap!r}",
            f"the name of a bootstrap stack ends in {BOOTSTRAP_SUFFIX}",
        )
    return bootstrap


def _artifact(reader: Reader) -> str:
    artifact = reader.text("artifact")
    if artifact != BUILD and not _DIGEST.fullmatch(artifact):
        key = f"{PROJECT}:artifact"
        reader.problem(
            key,
            f"found {artifact!r}" if artifact else "is missing",
            f"promote one (runtask promote dev {reader.stack}), or to build it here "
            + reader.set_command(key, BUILD),
        )
    return artifact


def _log_level(reader: Reader) -> str:
    level = reader.text("logLevel")
    if level not in LOG_LEVELS:
        reader.problem(
            f"{PROJECT}:logLevel", f"found {level!r}", f"allowed are {', '.join(LOG_LEVELS)}"
        )
    return level


def _reachable_rate_per_second(config: FunctionConfig) -> float:
    """Return how many RunTask calls a second all instances together can make."""
    calls_at_once = limits.LAUNCH_THREADS * config.maximum_concurrency
    return calls_at_once * 1000 / config.run_task_latency_milliseconds


def _check_together(reader: Reader, config: FunctionConfig) -> None:
    """Find what each value allows and the values together do not."""
    if config.fifo and config.batch_size > limits.BATCH_SIZE_WITHOUT_WINDOW:
        reader.problem(
            f"{PROJECT}:batchSize",
            f"found {config.batch_size} with fifo: true",
            f"a FIFO queue has batches of {limits.BATCH_SIZE_WITHOUT_WINDOW} at most",
        )
    if config.fifo and config.batching_window_seconds:
        reader.problem(
            f"{PROJECT}:batchingWindowSeconds",
            f"found {config.batching_window_seconds} with fifo: true",
            "a FIFO queue has no batching window; set 0",
        )
    if config.batch_size > limits.BATCH_SIZE_WITHOUT_WINDOW and not config.batching_window_seconds:
        reader.problem(
            f"{PROJECT}:batchSize",
            f"found {config.batch_size} with no batching window",
            f"more than {limits.BATCH_SIZE_WITHOUT_WINDOW} messages need "
            f"{PROJECT}:batchingWindowSeconds of 1 or more",
        )
    reachable = _reachable_rate_per_second(config)
    if config.launch_rate > reachable:
        seconds = config.run_task_latency_milliseconds / 1000
        needed = math.ceil(config.launch_rate * seconds / limits.LAUNCH_THREADS)
        reader.problem(
            f"{PROJECT}:launchRate",
            f"found {config.launch_rate} with a maximumConcurrency of {config.maximum_concurrency}",
            f"that many instances reach {reachable:.0f} calls a second, with "
            f"{limits.LAUNCH_THREADS} threads each and {seconds:g} s a call "
            f"({PROJECT}:runTaskLatencyMilliseconds); set {PROJECT}:maximumConcurrency to {needed} "
            "or a lower rate",
        )
    allow_list = (config.cluster_arns, config.task_definition_arns, config.pass_roles)
    size = sum(len(json.dumps(arns)) for arns in allow_list)
    if size > limits.ALLOW_LIST_BYTES:
        reader.problem(
            f"{PROJECT}:clusters, taskDefinitions and passRoles",
            f"found {size} bytes of ARNs",
            f"a function's environment has room for {limits.ALLOW_LIST_BYTES} of them; use fewer "
            "names, or patterns such as report-*",
        )
    if config.environment_max_age_minutes >= config.queue_retention_days * 24 * 60:
        reader.problem(
            f"{PROJECT}:environmentMaxAgeMinutes",
            f"found {config.environment_max_age_minutes}",
            f"the queue keeps a message for {config.queue_retention_days * 24 * 60} minutes "
            f"({PROJECT}:queueRetentionDays); set less than that",
        )
