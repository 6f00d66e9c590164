"""A stack file that is wrong is refused before anything is made, with key, file and fix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.bootstrap_config import read_bootstrap_config
from infra.config import read_function_config
from infra.config_reader import ConfigError
from infra.program import main
from tools.recorder import record

if TYPE_CHECKING:
    from runtask.project import Project


def problems(project: Project, stack: str = "dev", /, **changes: str | None) -> list[str]:
    """Return what is found wrong with a stack's configuration after some changes."""
    config = project.stack_config(stack)
    for name, value in changes.items():
        key = name.replace("aws_", "aws:") if name.startswith("aws_") else f"ecs-run-task:{name}"
        if value is None:
            config.pop(key, None)
        else:
            config[key] = value
    read = read_bootstrap_config if stack.endswith("-bootstrap") else read_function_config
    try:
        read(stack, config.get)
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize("stack", ["dev-bootstrap", "prod-bootstrap", "dev"])
def test_the_committed_stack_files_are_right(project: Project, stack: str) -> None:
    assert problems(project, stack) == []


def test_prod_waits_for_a_promotion(project: Project) -> None:
    (problem,) = problems(project, "prod")
    assert problem.startswith("ecs-run-task:artifact: is missing; promote one (runtask promote")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"clusters": "[]"},
            (
                "ecs-run-task:clusters: is missing; "
                "run: pulumi config set --path 'ecs-run-task:clusters[0]' batch -s dev"
            ),
        ),
        (
            {"clusters": '["not a name"]'},
            (
                "ecs-run-task:clusters[0]: found 'not a name'; "
                "expected a name, pattern or ARN of a cluster"
            ),
        ),
        ({"clusters": "batch"}, "ecs-run-task:clusters: found 'batch'; expected a list"),
        (
            {"timeoutSeconds": "451"},
            "ecs-run-task:timeoutSeconds: found '451'; expected 20 to 450 seconds",
        ),
        (
            {"maximumConcurrency": "1"},
            "ecs-run-task:maximumConcurrency: found '1'; expected 2 to 1000 instances",
        ),
        (
            {"batchSize": "11"},
            (
                "ecs-run-task:batchSize: found 11 with no batching window; more than 10 messages "
                "need ecs-run-task:batchingWindowSeconds of 1 or more"
            ),
        ),
        (
            {"batchSize": "11", "batchingWindowSeconds": "1", "fifo": "true"},
            (
                "ecs-run-task:batchSize: found 11 with fifo: true; expected at most 10 for a FIFO "
                "queue"
            ),
        ),
        ({"fifo": "yes"}, "ecs-run-task:fifo: found 'yes'; expected true or false"),
        (
            {"logRetentionDays": "31"},
            (
                "ecs-run-task:logRetentionDays: found '31'; expected 1, 3, 5, 7, 14, 30, 60, "
                "90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, "
                "3288, 3653 days"
            ),
        ),
        (
            {"environmentMaxAgeMinutes": "5760"},
            (
                "ecs-run-task:environmentMaxAgeMinutes: found 5760; expected less than the 5760 "
                "minutes that the queue keeps a message (ecs-run-task:queueRetentionDays)"
            ),
        ),
        (
            {"fargateLaunchRate": "100"},
            (
                "ecs-run-task:fargateLaunchRate: found 100 with a maximumConcurrency of 2; that "
                "many instances reach 27 calls per second, with 4 threads each and 0.3 s per call "
                "(ecs-run-task:runTaskLatencyMilliseconds); set ecs-run-task:maximumConcurrency "
                "to 8 or a lower rate"
            ),
        ),
        (
            {"bootstrap": "shared"},
            ("ecs-run-task:bootstrap: found 'shared'; expected a name that ends in -bootstrap"),
        ),
        (
            {"senders": '["everybody"]'},
            (
                "ecs-run-task:senders[0]: found 'everybody'; expected an account id, the ARN of a "
                "role or user, or a service such as events.amazonaws.com"
            ),
        ),
        (
            {"aws_region": None},
            "aws:region: is missing; run: pulumi config set 'aws:region' eu-central-1 -s dev",
        ),
    ],
)
def test_an_error_names_key_found_and_fix(
    project: Project, changes: dict[str, str | None], expected: str
) -> None:
    assert expected in problems(project, **changes)


@pytest.mark.parametrize("accounts", ["[]", '["1", "2"]', "[12345678901]", None])
def test_a_stack_belongs_to_exactly_one_account(project: Project, accounts: str | None) -> None:
    (problem,) = problems(project, aws_allowedAccountIds=accounts)
    assert "aws:allowedAccountIds" in problem
    assert "expected exactly one account id" in problem


@pytest.mark.parametrize("option", ["runTaskRate", "fargateLaunchRate", "fargateSpotLaunchRate"])
def test_a_rate_is_allowed_with_the_concurrency_that_reaches_it(
    project: Project, option: str
) -> None:
    assert problems(project, **{option: "100"}, maximumConcurrency="8") == []
    (problem,) = problems(project, **{option: "100"}, maximumConcurrency="7")
    assert problem.startswith(f"ecs-run-task:{option}: found 100 with a maximumConcurrency of 7;")


def test_what_aws_grants_every_account_is_no_promise_to_reach_it(project: Project) -> None:
    assert problems(project, runTaskRate="0", maximumConcurrency="2") == []


@pytest.mark.parametrize("option", ["runTaskRate", "fargateLaunchRate", "fargateSpotLaunchRate"])
def test_a_share_has_to_launch_a_message_within_its_backoff(project: Project, option: str) -> None:
    assert problems(project, **{option: "1"}, maximumConcurrency="90") == []
    assert problems(project, **{option: "1"}, maximumConcurrency="91") == [
        (
            f"ecs-run-task:maximumConcurrency: found 91 with a {option} of 1 per second; that many "
            "instances share the rate, and one would need 910 seconds to launch the 10 "
            "tasks of one "
            "message, which may take 900 at most; set ecs-run-task:maximumConcurrency to 90 "
            "or less, "
            "or a higher rate"
        )
    ]


def test_the_rates_of_a_smaller_region_are_checked_too(project: Project) -> None:
    assert problems(project, aws_region="eu-central-1", maximumConcurrency="1000") == []
    assert problems(project, aws_region="eu-south-1", maximumConcurrency="450") == []
    found = problems(project, aws_region="eu-south-1", maximumConcurrency="451")
    assert [problem.partition(";")[0] for problem in found] == [
        "ecs-run-task:maximumConcurrency: found 451 with a fargateLaunchRate of 5 per second",
        "ecs-run-task:maximumConcurrency: found 451 with a fargateSpotLaunchRate of 5 per second",
    ]


def test_after_a_crash_a_message_is_back_while_its_token_lives(project: Project) -> None:
    assert problems(project, timeoutSeconds="400", batchingWindowSeconds="300") == []
    assert problems(project, timeoutSeconds="401", batchingWindowSeconds="300") == [
        (
            "ecs-run-task:timeoutSeconds: found 401 with a batchingWindowSeconds of 300; the queue "
            "would hide a message for 6 x 401 + 300 = 2706 seconds, and after a crash it has to be "
            "back within 2700; set ecs-run-task:timeoutSeconds to 400 or less"
        )
    ]


def test_a_key_is_remembered_while_a_queue_keeps_its_message(project: Project) -> None:
    assert problems(project, keyRetentionDays="18") == []
    assert problems(project, keyRetentionDays="17") == [
        (
            "ecs-run-task:keyRetentionDays: found 17; expected at least 18: a message can "
            "wait for 4 "
            "days in the work queue (ecs-run-task:queueRetentionDays) and then for 14 in the "
            "dead-letter queue (ecs-run-task:deadLetterRetentionDays), and be sent once more"
        )
    ]


def test_an_allow_list_that_no_environment_holds_is_refused(project: Project) -> None:
    (problem,) = problems(project, clusters=json.dumps([f"cluster-{n:03}" for n in range(60)]))
    assert "expected at most 4096, which is what Lambda takes" in problem


def test_all_problems_are_reported_at_once(project: Project) -> None:
    assert len(problems(project, clusters="[]", taskDefinitions="[]", logLevel="LOUD")) == 3


def test_nothing_is_made_with_a_broken_configuration(project: Project) -> None:
    config = project.stack_config("dev") | {"ecs-run-task:clusters": "[]"}
    with pytest.raises(ConfigError, match=r"Pulumi\.dev\.yaml is invalid"):
        record(main, "dev", config)


def test_a_bootstrap_without_deployers_is_refused(project: Project) -> None:
    (problem,) = problems(project, "dev-bootstrap", deployPrincipals="[]")
    assert problem.startswith("ecs-run-task:deployPrincipals: is missing; run: pulumi config set")


def test_a_repository_without_branch_or_environment_is_refused(project: Project) -> None:
    (problem,) = problems(project, "dev-bootstrap", githubRepositories='["acme/reports"]')
    assert problem.startswith("ecs-run-task:githubSubjects: is missing; run: pulumi config set")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("githubProviderArn", "github", "expected arn:aws:iam::<account>:oidc-provider/"),
        ("deployExternalId", "x", "expected 2 to 1224 letters"),
    ],
)
def test_a_text_that_cannot_be_is_refused(
    project: Project, option: str, value: str, expected: str
) -> None:
    (problem,) = (
        problem
        for problem in problems(project, "dev-bootstrap", **{option: value})
        if problem.startswith(f"ecs-run-task:{option}: ")
    )
    assert f"found {value!r}; {expected}" in problem


@pytest.mark.parametrize(
    "repository", ["reports", "acme@1/reports", "acme/reports@2", "acme@x/reports@2", "acme/*"]
)
def test_a_repository_in_neither_form_is_refused(project: Project, repository: str) -> None:
    (problem,) = problems(
        project,
        "dev-bootstrap",
        githubRepositories=json.dumps(["acme/reports", "acme@12/reports@34", repository]),
        githubSubjects='["environment:prod"]',
    )
    assert problem == (
        f"ecs-run-task:githubRepositories[2]: found {repository!r}; expected owner/name, or "
        "owner@id/name@id as GitHub sends it for new and renamed repositories; to get the ids, "
        "run: gh api repos/OWNER/NAME --jq "
        r"""'"\(.owner.login)@\(.owner.id)/\(.name)@\(.id)"'"""
    )


@pytest.mark.parametrize("region", ["cn-north-1", "us-iso-east-1", "eu-isoe-west-1", "Frankfurt"])
def test_a_region_of_another_partition_is_refused(project: Project, region: str) -> None:
    (problem,) = problems(project, aws_region=region)
    assert problem == (
        f"aws:region: found {region!r}; expected a region of one of the partitions aws, aws-eusc, "
        "aws-us-gov"
    )


@pytest.mark.parametrize(
    "pattern",
    [
        # Every role of the account, administrators included.
        "arn:aws:iam::111111111111:role/*",
        "arn:aws:iam::111111111111:role/?*",
        # Roles of every account.
        "arn:aws:iam::*:role/report-*",
        "arn:aws:iam::11111111111?:role/report-*",
        "arn:aws:iam::111111111111:*",
        "*",
    ],
)
@pytest.mark.parametrize("option", ["boundaryRoles", "artifactReaders"])
def test_a_pattern_of_roles_names_its_account_and_how_the_name_begins(
    project: Project, option: str, pattern: str
) -> None:
    (problem,) = problems(project, "dev-bootstrap", **{option: json.dumps([pattern])})
    assert problem == (
        f"ecs-run-task:{option}[0]: found {pattern!r}; expected a role ARN of one account, with * "
        "where the end of the name varies"
    )


@pytest.mark.parametrize("source", ["111111111111", "111111111111/eu-west-1", "1111"])
def test_a_source_is_an_account_with_or_without_a_region(project: Project, source: str) -> None:
    found = problems(project, "prod-bootstrap", artifactSources=json.dumps([source]))
    assert bool(found) is (source == "1111")


def test_readers_of_a_repository_need_the_repository(project: Project) -> None:
    (problem,) = problems(project, "dev-bootstrap", githubReadSubjects='["environment:preview"]')
    assert problem.startswith(
        "ecs-run-task:githubRepositories: is missing with ecs-run-task:githubReadSubjects; run: "
    )


@pytest.mark.parametrize("option", ["boundaryRoles", "boundaryClusters"])
def test_an_account_without_limits_is_refused(project: Project, option: str) -> None:
    (problem,) = problems(project, "dev-bootstrap", **{option: "[]"})
    assert problem.startswith(f"ecs-run-task:{option}: is missing; run: pulumi config set --path")


def test_a_version_belongs_to_a_promoted_artifact(project: Project) -> None:
    assert problems(project, artifact="ab" * 32, artifactVersion="3sL4kqtJlcpXroDTDmJ") == []
    (problem,) = problems(project, artifactVersion="3sL4kqtJlcpXroDTDmJ")
    assert problem == (
        "ecs-run-task:artifactVersion: found '3sL4kqtJlcpXroDTDmJ' with artifact: build; expected "
        "none; run: pulumi config rm 'ecs-run-task:artifactVersion' -s dev"
    )


@pytest.mark.parametrize("stage", ["artifacts", "boundary", "deploy", "github", "read"])
def test_a_stage_name_that_the_bootstrap_stack_uses_is_refused(
    project: Project, stage: str
) -> None:
    with pytest.raises(ConfigError, match=f"the stage's name: found '{stage}'; expected another"):
        read_function_config(stage, project.stack_config("dev").get)


def test_a_stage_name_that_no_resource_could_bear_is_refused(project: Project) -> None:
    with pytest.raises(ConfigError, match="the stage's name: found 'Dev_1'; expected up to 24"):
        read_function_config("Dev_1", project.stack_config("dev").get)


def test_a_number_that_is_none_is_refused(project: Project) -> None:
    assert problems(project, batchSize="ten", runTaskRate=None) == [
        "ecs-run-task:runTaskRate: is missing; expected 0 to 1000 calls per second",
        "ecs-run-task:batchSize: found 'ten'; expected 1 to 10000 messages",
    ]


def test_a_pattern_is_no_subject(project: Project) -> None:
    (problem,) = problems(
        project,
        "dev-bootstrap",
        githubRepositories='["acme/reports"]',
        githubSubjects='["ref:refs/heads/*"]',
    )
    assert "expected ref:refs/heads/<branch>, ref:refs/tags/<tag> or environment:<name>" in problem


def test_a_star_is_only_what_was_written(project: Project) -> None:
    config = project.stack_config("dev") | {
        "ecs-run-task:clusters": '["batch-*"]',
        "ecs-run-task:taskDefinitions": '["report:3", "*"]',
    }
    read = read_function_config("dev", config.get)
    ecs = "arn:aws:ecs:eu-central-1:111111111111"
    assert read.cluster_arns == (f"{ecs}:cluster/batch-*",)
    assert read.task_definition_arns == (
        f"{ecs}:task-definition/report:3",
        f"{ecs}:task-definition/*:*",
    )


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-gov-west-1", "aws-us-gov"),
    ],
)
def test_the_partition_follows_from_the_region(
    project: Project, region: str, partition: str
) -> None:
    config = project.stack_config("dev") | {"aws:region": region}
    arns = read_function_config("dev", config.get).cluster_arns
    assert arns == (f"arn:{partition}:ecs:{region}:111111111111:cluster/batch",)
