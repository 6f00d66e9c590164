"""The role of a stage's function."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import iam

from infra.documents import to_json
from infra.names import ROLE_PATH
from infra.policies.function_role import trust_lambda


@dataclass(frozen=True, kw_only=True)
class FunctionRoleArgs:
    """Arguments of a function's role.

    Attributes:
        permissions_boundary_arn: ARN of the account's permissions boundary.
    """

    permissions_boundary_arn: Input[str]


class FunctionRole(pulumi.ComponentResource):
    """The role itself. It comes before the queue, whose policy names it, and its policy after.

    Attributes:
        role_name: Name of the role.
        arn: ARN of the role.
    """

    role_name: Output[str]
    arn: Output[str]

    def __init__(
        self, name: str, args: FunctionRoleArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:FunctionRole", name, None, opts)
        role = iam.Role(
            f"{name}-role",
            path=ROLE_PATH,
            description=f"Execution role of the function {name}",
            assume_role_policy=to_json(trust_lambda()),
            permissions_boundary=args.permissions_boundary_arn,
            # The deploy role cannot change whom a role trusts, only create and delete roles.
            opts=ResourceOptions(parent=self, replace_on_changes=["assumeRolePolicy"]),
        )
        self.role_name = role.name
        self.arn = role.arn
        self.register_outputs({"roleName": self.role_name, "arn": self.arn})
