"""The account's quotas of Fargate against the rates that the stage is configured with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask.doctor.check import Check, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.config import FunctionConfig
    from runtask.account import AccountSession

_SERVICE: Final = "fargate"

# Code, what it limits, and the stage's option that must not be larger.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
_QUOTAS: Final = (
    ("L-551A4E9D", "launches per second on Fargate", "fargateLaunchRate"),
    ("L-6BAD92DD", "launches at once on Fargate", "fargateLaunchBurst"),
    ("L-FAA52651", "launches per second on Fargate Spot", "fargateSpotLaunchRate"),
    ("L-F6E37E82", "launches at once on Fargate Spot", "fargateSpotLaunchBurst"),
)

# The vCPU that run at once. A new account has six.
_VCPU: Final = (
    ("L-3032A538", "vCPU on Fargate"),
    ("L-36FBB829", "vCPU on Fargate Spot"),
)

# Fewer vCPU than this start a handful of tasks.
_FEW_VCPU: Final = 16


def quota_checks(account: AccountSession) -> Iterator[Check]:
    """Yield a check for each quota.

    Args:
        account: A session in the stage's account.
    """
    config = account.config
    # No types are published for this service among ours.
    client: Any = account.session.client("service-quotas")
    options = {
        "fargateLaunchRate": config.fargate_launch_rate,
        "fargateLaunchBurst": config.fargate_launch_burst,
        "fargateSpotLaunchRate": config.fargate_spot_launch_rate,
        "fargateSpotLaunchBurst": config.fargate_spot_launch_burst,
    }
    try:
        for code, what, option in _QUOTAS:
            yield _rate(config, _value(client, code), (code, what, option), options[option])
        for code, what in _VCPU:
            yield _vcpu(config, _value(client, code), code, what)
    except (BotoCoreError, ClientError) as error:
        yield Check(
            stage=config.stage,
            check="quotas",
            verdict=Verdict.WARN,
            found=f"cannot be read: {error}",
            fix="allow servicequotas:GetServiceQuota, or compare them in the console",
        )


def _value(client: Any, code: str) -> float:  # noqa: ANN401
    """Return the applied quota, or the default one where none was applied.

    Raises:
        ClientError: if neither can be read.
        BotoCoreError: if a request cannot be sent.
    """
    try:
        answer = client.get_service_quota(ServiceCode=_SERVICE, QuotaCode=code)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        answer = client.get_aws_default_service_quota(ServiceCode=_SERVICE, QuotaCode=code)
    return float(answer["Quota"]["Value"])


def _rate(
    config: FunctionConfig, quota: float, named: tuple[str, str, str], configured: int
) -> Check:
    code, what, option = named
    if configured > quota:
        return Check(
            stage=config.stage,
            check="quotas",
            verdict=Verdict.FAIL,
            found=f"{what}: {option} is {configured}, and the account has {quota:g}",
            fix=f"lower {option} in Pulumi.{config.stage}.yaml, or run: aws service-quotas "
            f"request-service-quota-increase --service-code {_SERVICE} --quota-code {code} "
            f"--desired-value {configured}",
        )
    chosen = str(configured) if configured else "the default of the region"
    return Check(
        stage=config.stage,
        check="quotas",
        verdict=Verdict.OK,
        found=f"{what}: the account has {quota:g}, {option} is {chosen}",
    )


def _vcpu(config: FunctionConfig, quota: float, code: str, what: str) -> Check:
    few = quota < _FEW_VCPU
    return Check(
        stage=config.stage,
        check="quotas",
        verdict=Verdict.WARN if few else Verdict.OK,
        found=f"{what} at once: {quota:g}",
        fix=f"to run more at once: aws service-quotas request-service-quota-increase "
        f"--service-code {_SERVICE} --quota-code {code} --desired-value N"
        if few
        else "",
    )
