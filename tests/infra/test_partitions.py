"""The partitions of the kit agree with those that botocore knows."""

from __future__ import annotations

from botocore.loaders import create_loader

from infra.names import Location
from infra.partitions import PARTITIONS, partition_of

KNOWN = {
    partition["id"]: partition
    for partition in create_loader().load_data("partitions")["partitions"]
}


def test_every_region_belongs_to_its_partition_or_to_none_of_ours() -> None:
    for name, partition in KNOWN.items():
        regions = [region for region in partition["regions"] if not region.endswith("-global")]
        assert regions
        found = {partition_of(region) for region in regions}
        assert found == {name if name in PARTITIONS else None}, name


def test_the_dns_suffixes_are_botocores() -> None:
    for name, partition in PARTITIONS.items():
        assert partition.dns_suffix == KNOWN[name]["outputs"]["dnsSuffix"]


def test_a_service_has_one_host_where_the_suffix_is_the_common_one() -> None:
    here = Location(account="111111111111", region="us-gov-west-1", partition="aws-us-gov")
    assert here.via_services("sns", "sqs") == [
        "sns.us-gov-west-1.amazonaws.com",
        "sqs.us-gov-west-1.amazonaws.com",
    ]
