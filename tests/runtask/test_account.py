"""A session is used only if it is in the stage's account, and the operator names the profile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from runtask.account import (
    SESSION_NAME,
    ProfileSessions,
    Sessions,
    assume_deploy_role,
    assume_read_role,
    assume_role,
    sign_in,
)
from runtask.errors import AccountError
from runtask.profiles import Profiles, parse_profiles
from runtask.project import load_project
from tests.runtask.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from types_boto3_sts.type_defs import CredentialsTypeDef

    from infra.names import Location
    from tests.runtask.conftest import Run

DEV, PROD = "111111111111", "222222222222"
EXAMPLE = str(ROOT / "examples" / "run-task.json")

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "AssumeRole")


class FakeSession:
    """A session of an account, with an STS that remembers which roles were assumed."""

    def __init__(self, account: str, *, denied: bool = False) -> None:
        self.account = account
        self.denied = denied
        self.requests: list[dict[str, Any]] = []

    def client(self, service: str) -> FakeSession:
        assert service == "sts"
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account, "Arn": f"arn:aws:iam::{self.account}:user/operator"}

    def assume_role(self, **request: Any) -> dict[str, Any]:
        if self.denied:
            raise DENIED
        self.requests.append(request)
        return {"Credentials": {"AccessKeyId": request["RoleArn"].split(":")[4]}}


class FakeSessions:
    """The operator's session in one account; a role's keys name the account that it is in."""

    def __init__(self, account: str, *, denied: bool = False) -> None:
        self.operator = FakeSession(account, denied=denied)

    def own(self, stage: str, location: Location) -> boto3.Session:
        del stage, location
        return cast("boto3.Session", self.operator)

    def assumed(self, location: Location, keys: CredentialsTypeDef) -> boto3.Session:
        del location
        return cast("boto3.Session", FakeSession(keys["AccessKeyId"]))


def roles(*accounts: str) -> dict[str, str]:
    arns = [{"roleArn": f"arn:aws:iam::{account}:role/deploy"} for account in accounts]
    return {"aws:assumeRoles": json.dumps(arns)}


def deploy_role_session(sessions: FakeSessions, values: dict[str, str]) -> str:
    config = load_project(ROOT).stage_config("prod")
    return assume_deploy_role(config, values, cast("Sessions", sessions)).identity


def test_the_deploy_role_is_assumed_from_another_account() -> None:
    assert f"::{PROD}:" in deploy_role_session(FakeSessions(DEV), roles(DEV, PROD))


def test_without_a_role_the_operator_deploys() -> None:
    assert f"::{PROD}:" in deploy_role_session(FakeSessions(PROD), {})


def test_a_role_of_another_account_is_refused() -> None:
    with pytest.raises(
        AccountError,
        match=rf"stage prod is in account {PROD}, and the credentials are of account {DEV}.*"
        rf"nothing was changed.*--profile prod=PROFILE",
    ):
        deploy_role_session(FakeSessions(PROD), roles(DEV))


def test_a_role_that_cannot_be_assumed_is_named_with_its_file_and_its_fix() -> None:
    with pytest.raises(AccountError) as caught:
        deploy_role_session(FakeSessions(DEV, denied=True), roles(PROD))
    assert str(caught.value).startswith(
        f"cannot assume the deploy role of stage prod in account {PROD} "
        "(aws:assumeRoles in Pulumi.prod.yaml): An error occurred (AccessDenied)"
    )
    assert str(caught.value).endswith("pulumi up -s prod-bootstrap")


DEPLOY_ROLE = f"arn:aws:iam::{PROD}:role/ecs-run-task-deploy-eu-central-1"
READ_ROLE = f"arn:aws:iam::{PROD}:role/ecs-run-task-read-eu-central-1"


def assumed_to_read(*items: dict[str, str]) -> list[dict[str, Any]]:
    """Return the requests that the operator's session makes to read the prod stage."""
    sessions = FakeSessions(PROD)
    config = load_project(ROOT).stage_config("prod")
    values = {"aws:assumeRoles": json.dumps(items)} if items else {}
    assume_read_role(config, values, cast("Sessions", sessions))
    return sessions.operator.requests


def test_a_stage_is_read_as_the_read_role_in_the_place_of_the_deploy_role() -> None:
    (request,) = assumed_to_read({"roleArn": DEPLOY_ROLE, "externalId": "x"})
    assert (request["RoleArn"], request["ExternalId"]) == (READ_ROLE, "x")


def test_a_role_of_the_operators_own_deploys_and_reads() -> None:
    (request,) = assumed_to_read({"roleArn": f"arn:aws:iam::{PROD}:role/administrator"})
    assert request["RoleArn"].endswith(":role/administrator")
    assert assumed_to_read() == []


def test_a_read_role_that_cannot_be_assumed_is_named_with_its_principals() -> None:
    config = load_project(ROOT).stage_config("prod")
    values = {"aws:assumeRoles": json.dumps([{"roleArn": DEPLOY_ROLE}])}
    with pytest.raises(
        AccountError,
        match=r"cannot assume the read role of stage prod .*one of its readPrincipals.*pulumi up",
    ):
        assume_read_role(config, values, cast("Sessions", FakeSessions(DEV, denied=True)))


def test_a_session_has_the_name_and_the_external_id_of_the_file() -> None:
    session = FakeSession(DEV)
    assume_role(cast("boto3.Session", session), {"roleArn": "arn:aws:iam::1:role/a"})
    role = {"roleArn": "arn:aws:iam::1:role/a", "sessionName": "ci", "externalId": "x"}
    assume_role(cast("boto3.Session", session), role)
    assert [request["RoleSessionName"] for request in session.requests] == [SESSION_NAME, "ci"]
    assert [request.get("ExternalId") for request in session.requests] == [None, "x"]


@pytest.fixture
def profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave an operator with nothing but the AWS profile acme-dev."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "credentials"
    path.write_text(
        "[acme-dev]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("value", ["acme-dev", "dev=acme-dev"])
def test_a_message_is_sent_with_the_named_profile(
    run: Run,
    queue: Callable[[], list[dict[str, Any]]],
    profiles: None,  # noqa: ARG001 - the operator's machine
    value: str,
) -> None:
    # moto's own credentials are in the environment; a named profile takes precedence.
    result = run("send", EXAMPLE, "--stage", "dev", "--profile", value)
    assert result.exit_code == 0, result.exception
    assert boto3.Session(profile_name="acme-dev").get_credentials() is not None
    assert len(queue()) == 1


@pytest.mark.usefixtures("profiles")
def test_an_unknown_profile_is_named() -> None:
    config = load_project(ROOT).stage_config("dev")
    sessions = ProfileSessions(profiles=Profiles(default="acme-staging"))
    with pytest.raises(AccountError, match=r"profile \(acme-staging\) could not be found"):
        sign_in(config, sessions)


def test_a_profile_of_a_stage_takes_precedence() -> None:
    profiles = parse_profiles(["management", "prod=acme-prod"])
    assert profiles.profile("prod") == "acme-prod"
    assert profiles.profile("dev") == "management"
    assert parse_profiles([]).profile("dev") is None


@pytest.mark.parametrize("values", [["a", "b"], ["dev=a", "dev=b"]])
def test_two_profiles_for_the_same_stage_are_refused(values: list[str]) -> None:
    with pytest.raises(ValueError, match="expected one of them"):
        parse_profiles(values)


@pytest.mark.parametrize("profile", ["missing", None])
@pytest.mark.parametrize("roles_of", [(), (DEV,)])
def test_without_credentials_the_advice_is_to_sign_in_whatever_role_is_assumed(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    profile: str | None,
    roles_of: tuple[str, ...],
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    config = load_project(folder).stage_config("dev")
    sessions = ProfileSessions(profiles=Profiles(default=profile))

    with pytest.raises(AccountError) as caught:
        assume_deploy_role(config, roles(*roles_of), sessions)

    assert "sign in (aws sso login), and name the profile with --profile dev=PROFILE" in str(
        caught.value
    )
    assert "create the role" not in str(caught.value)
