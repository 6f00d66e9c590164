"""The partitions of AWS that the kit can be deployed to: their regions and DNS suffixes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A partition of AWS.

    Attributes:
        region: Matches the names of its regions.
        dns_suffix: What its hosts' names end in.
    """

    region: re.Pattern[str]
    dns_suffix: str


# China (aws-cn) and the isolated partitions are left out: the names of their services have suffixes
# of their own, service by service, and nothing here can be tried there.
PARTITIONS: Final[Mapping[str, Partition]] = {
    "aws": Partition(region=re.compile(r"(?!cn-)[a-z]{2}-[a-z]+-\d+"), dns_suffix="amazonaws.com"),
    "aws-eusc": Partition(region=re.compile(r"eusc-de-[a-z]+-\d+"), dns_suffix="amazonaws.eu"),
    "aws-us-gov": Partition(region=re.compile(r"us-gov-[a-z]+-\d+"), dns_suffix="amazonaws.com"),
}


def partition_of(region: str) -> str | None:
    """Return the partition that a region belongs to, or None if it is none of PARTITIONS."""
    return next(
        (name for name, partition in PARTITIONS.items() if partition.region.fullmatch(region)), None
    )
