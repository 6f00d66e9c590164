"""What a sender may not choose unless the stage's file says so: each refusal names the option."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from function.failures.reasons import PermanentFailure
from function.message.builder import complete, read
from function.message.choices import cpu_units, mebibytes, problems
from function.message.lookups import Lookups
from function.message.parameters import PARAMETERS, SetBy
from function.settings import Settings
from tests.unit.fakes import REQUIRED, FakeClock, FakeEcs

LEAST = {"cluster": "batch", "taskDefinition": "report"}


def stage(**changes: object) -> Settings:
    """Return the settings of a stage that uses no option, with changes."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in changes.items()
    }
    return Settings.from_environment({**REQUIRED, **texts})


def body(**parameters: Any) -> str:
    return json.dumps({"ECS": {**LEAST, **parameters}})


def refusal(message: str, settings: Settings) -> str:
    with pytest.raises(PermanentFailure) as caught:
        read(message, settings)
    assert caught.value.reason == "not-allowed"
    assert caught.value.redrivable
    return caught.value.error


def awsvpc(**values: Any) -> dict[str, Any]:
    return {"networkConfiguration": {"awsvpcConfiguration": {"subnets": [], **values}}}


def override(**values: Any) -> dict[str, Any]:
    return {"overrides": {"containerOverrides": [{"name": "main", **values}]}}


def volume(**values: Any) -> dict[str, Any]:
    managed = {"roleArn": "report-volumes", **values}
    return {"volumeConfigurations": [{"name": "data", "managedEBSVolume": managed}]}


EBS: dict[str, object] = {"EBS_VOLUMES": "true", "VOLUME_ROLES": ["*"]}
ACCOUNT = "arn:aws:iam::111111111111:role"
NETWORK = "networkConfiguration.awsvpcConfiguration"
MANAGED = "volumeConfigurations[0].managedEBSVolume"

# The parameters, the path in the error, what was found, the option, and what opens it. Some are
# only limited once another option is on.
ATTACKS: list[tuple[dict[str, Any], str, str, str, dict[str, object]]] = [
    ({"cluster": "payroll"}, "cluster", "cluster/payroll", "clusters", {"CLUSTERS": ["*"]}),
    (
        {"taskDefinition": "payroll"},
        "taskDefinition",
        "task-definition/payroll:*",
        "taskDefinitions",
        {"TASK_DEFINITIONS": ["*"]},
    ),
    (
        {"taskDefinition": "report:7"},
        "taskDefinition",
        "task-definition/report:7",
        "taskDefinitionRevisions: any",
        {"TASK_DEFINITION_REVISIONS": "any"},
    ),
    (awsvpc(subnets=["subnet-1"]), f"{NETWORK}.subnets[0]", "subnet-1", "subnets",
     {"SUBNETS": ["subnet-1"]}),
    (awsvpc(securityGroups=["sg-1"]), f"{NETWORK}.securityGroups[0]", "sg-1", "securityGroups",
     {"SECURITY_GROUPS": ["sg-1"]}),
    (awsvpc(assignPublicIp="ENABLED"), f"{NETWORK}.assignPublicIp", "ENABLED", "publicIp: true",
     {"PUBLIC_IP": "true"}),
    ({"enableExecuteCommand": True}, "enableExecuteCommand", "true", "executeCommand: true",
     {"EXECUTE_COMMAND": "true"}),
    ({"launchType": "EC2"}, "launchType", "EC2", "launchTypes", {"LAUNCH_TYPES": ["EC2"]}),
    ({"launchType": "EXTERNAL"}, "launchType", "EXTERNAL", "launchTypes",
     {"LAUNCH_TYPES": ["FARGATE", "EXTERNAL"]}),
    (
        {"capacityProviderStrategy": [{"capacityProvider": "fleet"}]},
        "capacityProviderStrategy[0].capacityProvider",
        "fleet",
        "capacityProviders",
        {"CAPACITY_PROVIDERS": ["fleet"]},
    ),
    ({"overrides": {"cpu": "16384"}}, "overrides.cpu", "16384", "maxTaskCpuUnits",
     {"MAX_TASK_CPU_UNITS": "16384"}),
    ({"overrides": {"memory": "122880"}}, "overrides.memory", "122880", "maxTaskMemoryMebibytes",
     {"MAX_TASK_MEMORY_MEBIBYTES": "122880"}),
    (override(cpu=16384), "overrides.containerOverrides[0].cpu", "16384", "maxTaskCpuUnits",
     {"MAX_TASK_CPU_UNITS": "16384"}),
    (override(memory=122880), "overrides.containerOverrides[0].memory", "122880",
     "maxTaskMemoryMebibytes", {"MAX_TASK_MEMORY_MEBIBYTES": "122880"}),
    (override(memoryReservation=122880), "overrides.containerOverrides[0].memoryReservation",
     "122880", "maxTaskMemoryMebibytes", {"MAX_TASK_MEMORY_MEBIBYTES": "122880"}),
    ({"overrides": {"taskRoleArn": "admin"}}, "overrides.taskRoleArn", f"{ACCOUNT}/admin",
     "taskRoles", {"TASK_ROLES": [f"{ACCOUNT}/admin"]}),
    ({"overrides": {"executionRoleArn": "admin"}}, "overrides.executionRoleArn",
     f"{ACCOUNT}/admin", "executionRoles", {"EXECUTION_ROLES": [f"{ACCOUNT}/admin"]}),
    (
        override(environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::payroll/secret.env"}]),
        "overrides.containerOverrides[0].environmentFiles[0].value",
        "arn:aws:s3:::payroll/secret.env",
        "environmentFiles",
        {"ENVIRONMENT_FILES": ["arn:aws:s3:::payroll/*.env"]},
    ),
    ({"tags": [{"key": "costs", "value": "x"}]}, "tags[0].key", "costs", "tagKeys",
     {"TAG_KEYS": ["cost*"]}),
    ({"volumeConfigurations": [{"name": "data"}]}, "volumeConfigurations", "a list",
     "ebsVolumes: true", {"EBS_VOLUMES": "true"}),
]  # fmt: skip

# The same where the stage has opened something, and what is still closed then.
INNER: list[tuple[dict[str, object], dict[str, Any], str, str, str, dict[str, object]]] = [
    ({"MAX_COUNT": "2"}, {"count": 3}, "count", "3", "maxCount", {"MAX_COUNT": "3"}),
    (
        {"MAX_EPHEMERAL_STORAGE_GIBIBYTES": "50"},
        {"overrides": {"ephemeralStorage": {"sizeInGiB": 51}}},
        "overrides.ephemeralStorage.sizeInGiB",
        "51",
        "maxEphemeralStorageGibibytes",
        {"MAX_EPHEMERAL_STORAGE_GIBIBYTES": "51"},
    ),
    ({"EBS_VOLUMES": "true"}, volume(), f"{MANAGED}.roleArn", f"{ACCOUNT}/report-volumes",
     "volumeRoles", {"VOLUME_ROLES": [f"{ACCOUNT}/report-*"]}),
    (EBS, volume(snapshotId="snap-1"), f"{MANAGED}.snapshotId", "snap-1", "ebsSnapshots",
     {"EBS_SNAPSHOTS": ["snap-1"]}),
    (EBS, volume(sizeInGiB=16384), f"{MANAGED}.sizeInGiB", "16384", "maxEbsVolumeGibibytes",
     {"MAX_EBS_VOLUME_GIBIBYTES": "16384"}),
    (
        EBS,
        volume(tagSpecifications=[{"resourceType": "volume", "tags": [{"key": "costs"}]}]),
        f"{MANAGED}.tagSpecifications[0].tags[0].key",
        "costs",
        "tagKeys",
        {"TAG_KEYS": ["costs"]},
    ),
    (
        {},
        {"overrides": {"containerOverrides": [{"name": n, "cpu": 4096} for n in "abcd"]}},
        "overrides.containerOverrides",
        "16384 units of cpu in all containers",
        "maxTaskCpuUnits",
        {"MAX_TASK_CPU_UNITS": "16384"},
    ),
]  # fmt: skip

CASES = [*(({}, *attack) for attack in ATTACKS), *INNER]


@pytest.mark.parametrize("case", CASES)
def test_what_no_option_allows_is_refused_with_the_option_that_would(
    case: tuple[dict[str, object], dict[str, Any], str, str, str, dict[str, object]],
) -> None:
    before, parameters, where, found, option, opens = case
    error = refusal(body(**parameters), stage(**before))

    assert error.startswith(f"ECS.{where}: found ")
    assert f"{found}; allowed: " in error
    assert error.endswith(f"; to allow it, set Pulumi.dev.yaml: ecs-run-task:{option}")
    assert read(body(**parameters), stage(**{**before, **opens}))


def test_every_parameter_of_an_option_is_attacked() -> None:
    attacked = {option.partition(":")[0] for *_, option, _ in CASES}
    assert attacked == {option for parameter in PARAMETERS for option in parameter.options}


def test_the_flat_form_names_parameters_as_its_sender_did() -> None:
    flat = {"cluster": "batch", "task_def": "report", "subnets": ["subnet-1"], "cpu": "8192"}
    found = refusal(json.dumps(flat), stage())

    assert "ECS.subnets[0]: found subnet-1; allowed: nothing; to allow it, set" in found
    assert 'ECS.cpu: found 8192; allowed: at most 4096 CPU units, such as "1024"' in found


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"launchType": "FARGATE", "count": 10, "platformVersion": "1.4.0"},
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
        {"overrides": {"cpu": "4096", "memory": "30 GB", "ephemeralStorage": {"sizeInGiB": 200}}},
        {"overrides": {"cpu": ".5 vCPU", "memory": "2GB"}},
        awsvpc(assignPublicIp="DISABLED"),
        {"enableExecuteCommand": False, "volumeConfigurations": [], "tags": []},
        {"propagateTags": "TASK_DEFINITION", "enableECSManagedTags": True, "group": "nightly"},
        override(command=["run"], environment=[{"name": "A", "value": "b"}], cpu=1024),
        {"startedBy": "me"},
    ],
)
def test_what_is_not_dear_needs_no_option(parameters: dict[str, Any]) -> None:
    assert read(body(**parameters), stage())


def test_a_revision_that_the_stage_names_is_allowed() -> None:
    named = "arn:aws:ecs:eu-central-1:111111111111:task-definition/report:7"

    assert read(body(taskDefinition="report:7"), stage(TASK_DEFINITIONS=[named]))
    found = refusal(body(taskDefinition="report:8"), stage(TASK_DEFINITIONS=[named, f"{named}*"]))
    assert "task-definitions/report:8" not in found
    assert "found arn:aws:ecs:eu-central-1:111111111111:task-definition/report:8" in found


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            {"overrides": {"inferenceAcceleratorOverrides": [{"deviceName": "a"}]}},
            "Elastic Inference has ended; no option allows it",
        ),
        (
            volume(terminationPolicy={"deleteOnTermination": False}),
            "found false; allowed: true, because a volume is paid for until it is deleted; no",
        ),
        ({"clientToken": "mine"}, "is derived from the idempotency key"),
    ],
)
def test_what_no_option_can_allow_is_a_bad_value(parameters: dict[str, Any], text: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(body(**parameters), stage(**EBS))

    assert (caught.value.reason, caught.value.redrivable) == ("bad-value", False)
    assert text in caught.value.error


def test_an_execution_role_is_no_task_role() -> None:
    roles = stage(
        TASK_ROLES=[f"{ACCOUNT}/report-task"], EXECUTION_ROLES=[f"{ACCOUNT}/report-execution"]
    )

    found = refusal(body(overrides={"taskRoleArn": "report-execution"}), roles)
    assert found.endswith("ecs-run-task:taskRoles")
    found = refusal(body(overrides={"executionRoleArn": "report-task"}), roles)
    assert found.endswith("ecs-run-task:executionRoles")


def test_a_negative_size_makes_no_room_for_another_container() -> None:
    containers = [{"name": "a", "cpu": -8192}, {"name": "b", "cpu": 4096}, {"name": "c", "cpu": 1}]

    refusal(body(overrides={"containerOverrides": containers}), stage())


def test_free_text_of_a_sender_is_not_quoted() -> None:
    found = refusal(body(tags=[{"key": "my secret is 42"}]), stage())

    assert "secret" not in found
    assert found.startswith("ECS.tags[0].key: found a text that is no name, id or ARN; allowed")


def test_every_refusal_of_a_message_is_found() -> None:
    request = read(body(), stage())
    settings = stage(CLUSTERS=[], TASK_DEFINITIONS=[])

    assert [problem.reason for problem in problems(request, settings)] == ["not-allowed"] * 2


@pytest.mark.parametrize(
    ("text", "units"),
    [("1024", 1024), ("1 vCPU", 1024), ("1vcpu", 1024), (".25 vCPU", 256), ("0.5 vCPU", 512),
     (" 256 ", 256), ("1e9", None), ("0x10", None), ("", None), ("vCPU", None), ("-1", None),
     ("١٦", None), ("16 cores", None), ("1024.5", None)],
)  # fmt: skip
def test_the_size_of_a_task_is_read_as_ecs_reads_it(text: str, units: float | None) -> None:
    assert cpu_units(text) == units


def test_memory_is_read_in_both_units() -> None:
    assert [mebibytes(text) for text in ("2048", "2 GB", "0.5GB", "2 TB")] == [
        *(2048, 2048, 512),
        None,
    ]


def test_a_size_that_cannot_be_read_is_refused() -> None:
    assert "allowed: at most 4096 CPU units" in refusal(body(overrides={"cpu": "many"}), stage())


# --- What a message takes from its service is the operator's choice


def completed(service: dict[str, Any], settings: Settings) -> dict[str, Any]:
    ecs = FakeEcs()
    ecs.services["report"] = {"status": "ACTIVE", **service}
    request = read(body(service="report"), settings)
    lookups = Lookups(cast("Any", ecs), FakeClock())
    return dict(complete(request, lookups, settings=settings).parameters)


def test_the_network_and_launch_type_of_a_service_need_no_option() -> None:
    network = {"subnets": ["subnet-s"], "securityGroups": ["sg-s"], "assignPublicIp": "ENABLED"}

    found = completed(
        {"networkConfiguration": {"awsvpcConfiguration": network}, "launchType": "EC2"}, stage()
    )

    assert found["networkConfiguration"]["awsvpcConfiguration"] == network
    assert found["launchType"] == "EC2"


def test_the_capacity_provider_of_a_service_has_to_be_listed_as_iam_limits_it() -> None:
    service = {"capacityProviderStrategy": [{"capacityProvider": "fleet"}]}

    with pytest.raises(PermanentFailure) as caught:
        completed(service, stage())

    assert caught.value.reason == "not-allowed"
    assert caught.value.error == (
        "ECS.service: found a service with the capacity provider fleet; allowed: FARGATE,"
        " FARGATE_SPOT; to allow it, set Pulumi.dev.yaml: ecs-run-task:capacityProviders"
    )
    assert completed(service, stage(CAPACITY_PROVIDERS=["fl*"]))["capacityProviderStrategy"]


def test_a_table_row_of_a_sender_has_no_option() -> None:
    free = [parameter for parameter in PARAMETERS if parameter.set_by is SetBy.SENDER]
    assert free
    assert not [parameter.path for parameter in free if parameter.options or parameter.iam]
