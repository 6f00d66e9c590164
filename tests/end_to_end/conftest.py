"""Fixtures: one emulator for all tests of a module, because a start takes half a second."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.emulator import Credentials
from rehearsal.engine import Run, State, up
from rehearsal.fault_injection import FaultyEmulator
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, TASK_ROLE, register, trust
from tests.end_to_end.patched_function import patch_artifact
from tests.end_to_end.stage import READINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def emulator() -> Iterator[FaultyEmulator]:
    with FaultyEmulator.start() as running:
        yield running


@pytest.fixture(autouse=True)
def without_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the faults of a test, if it used the emulator."""
    yield
    if "emulator" in request.fixturenames:
        request.getfixturevalue("emulator").clear_faults()


@pytest.fixture(scope="module")
def ecs(emulator: FaultyEmulator) -> Any:
    """Return a client of ECS in an account with a cluster, two roles and two task definitions."""
    iam = emulator.client("iam", ACCOUNT, REGION)
    for name in ("task", "other"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust("ecs-tasks")))
    client = emulator.client("ecs", ACCOUNT, REGION)
    client.create_cluster(clusterName="jobs")
    register(client, "report", ["sh", "-c", 'echo "$GREETING"; pwd; exit 7'], role=TASK_ROLE)
    register(client, "sleeper", ["sleep", "600"])
    return client


@pytest.fixture
def as_role(emulator: FaultyEmulator, ecs: Any) -> Iterator[Any]:
    """Return what makes clients of a role with the statements given."""
    assert ecs
    iam = emulator.client("iam", ACCOUNT, REGION)
    sts = emulator.client("sts", ACCOUNT, REGION)
    document = trust("lambda")
    document["Statement"][0]["Principal"]["AWS"] = f"arn:aws:iam::{ACCOUNT}:root"
    iam.create_role(RoleName="caller", AssumeRolePolicyDocument=json.dumps(document))

    def session(service: str, *statements: dict[str, Any]) -> Any:
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName="caller", PolicyName="p", PolicyDocument=policy)
        arn = f"arn:aws:iam::{ACCOUNT}:role/caller"
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        credentials = Credentials(
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
            token=keys["SessionToken"],
        )
        return emulator.client(service, ACCOUNT, REGION, credentials)

    yield session
    iam.delete_role_policy(RoleName="caller", PolicyName="p")
    iam.delete_role(RoleName="caller")


@pytest.fixture(params=READINGS)
def reading(request: pytest.FixtureRequest) -> str:
    """Return the name of a reading of ECS's documents; a test runs once for each."""
    return str(request.param)


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def deploy(emulator: FaultyEmulator, state: State, request: pytest.FixtureRequest) -> Any:
    """Return what deploys a program with the in-process engine, to a stack of the test's own."""
    name = f"s{abs(hash(request.node.name)) % 10**8}"
    fixed = {
        "aws:region": REGION,
        "aws:allowedAccountIds": json.dumps([ACCOUNT]),
        "aws:defaultTags": json.dumps({"tags": {"application": "test"}}),
    }

    def deploy_program(
        program: Callable[[], None], stack: str = name, **config: str
    ) -> dict[str, Any]:
        run = Run(program=program, project="p", stack=stack, config={**fixed, **config})
        return up(run, emulator=emulator, state=state)

    deploy_program.name = name  # type: ignore[attr-defined]
    return deploy_program


@pytest.fixture
def break_handler(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str, str, str], None]:
    """Return a function that replaces a piece of the handler's code in the artifact."""

    def replace(file: str, old: str, new: str) -> None:
        def broken(code: str) -> str:
            assert code.count(old) == 1, f"{file} no longer holds {old!r} once"
            return code.replace(old, new)

        patch_artifact(monkeypatch, tmp_path, {file: broken})

    return replace
