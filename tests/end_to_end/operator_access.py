"""A stage as an operator sees it, with the rights that docs/operations.md names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from click.testing import CliRunner

from rehearsal.emulator import Credentials
from runtask.account import AccountSession
from runtask.cli import cli
from runtask.project import load_project
from runtask.stage_access import StageAccess
from tests.end_to_end.stage import ROOT, STAGE

if TYPE_CHECKING:
    from click.testing import Result

    from tests.end_to_end.stage import Stage


def documented_access(stage: Stage, role: str, *beginnings: str) -> StageAccess:
    """Return a stage as a role sees it that has documented policies, and nothing else.

    Args:
        stage: The stage.
        role: The name of the role, which is created.
        *beginnings: How the sentences in front of the policies begin.
    """
    location, iam = stage.location, stage.client("iam")
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": location.iam_arn("root")},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)
    kms_key_id = stage.outputs["kmsKeyArn"].rpartition("/")[2]
    for number, beginning in enumerate(beginnings):
        found = re.search(rf"{re.escape(beginning)}.*?```json\n(.*?)```", page, re.DOTALL)
        assert found
        policy = found[1].replace("KEY-ID", kms_key_id)
        iam.put_role_policy(RoleName=role, PolicyName=f"p{number}", PolicyDocument=policy)
    arn = location.iam_arn(f"role/{role}")
    keys = stage.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    credentials = Credentials(
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        token=keys["SessionToken"],
    )
    session = stage.emulator.session(location.account, location.region, credentials)
    config = load_project(ROOT).stage_config(STAGE)
    account = AccountSession(config=config, session=session, identity=arn)
    return StageAccess(config=config, account=account, output=stage.emulator.output)


def runtask(*arguments: str) -> Result:
    """Run the command for the stage."""
    options = ("--stage", STAGE, "--project", str(ROOT))
    return CliRunner().invoke(cli, [*arguments, *options])
