"""The source of a stage's code: built here and uploaded, or promoted from another account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi import FileAsset, Input, Output, ResourceOptions
from pulumi_aws import s3

from infra.artifact_keys import (
    ARTIFACTS,
    BUILDS,
    artifact_object_key,
    contents_object_key,
    manifest_object_key,
)
from infra.bundle import build_bundle, write_bundle
from infra.config import BUILD
from infra.manifest import describe
from infra.sbom import describe_contents


@dataclass(frozen=True, kw_only=True)
class ArtifactSourceArgs:
    """Arguments of an artifact source.

    Attributes:
        artifact: `build`, or the SHA-256 of an artifact that was promoted into the bucket.
        version: Version id of the promoted artifact's S3 object; empty for the newest version.
        bucket: Name of the account's artifact bucket.
        kms_key_arn: ARN of the KMS key that artifacts are encrypted with.
    """

    artifact: str
    version: str
    bucket: Input[str]
    kms_key_arn: Input[str]


class ArtifactSource(pulumi.ComponentResource):
    """One artifact in the account's bucket; a built one is uploaded, a promoted one is there.

    Attributes:
        digest: The artifact's SHA-256, in hexadecimal.
        bucket: Name of the bucket.
        object_key: Key of the artifact's S3 object.
        object_version: Version id of that object; None for the newest version.
    """

    digest: str
    bucket: Output[str]
    object_key: Output[str]
    object_version: Output[str] | str | None

    def __init__(
        self, name: str, args: ArtifactSourceArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:ArtifactSource", name, None, opts)
        self.bucket = Output.from_input(args.bucket)
        if args.artifact == BUILD:
            bundle = build_bundle()
            self.digest = bundle.digest
            uploaded = s3.BucketObjectv2(
                # One resource per artifact, so that a new one does not replace the old object.
                f"{name}-{bundle.digest[:12]}",
                bucket=self.bucket,
                key=artifact_object_key(BUILDS, bundle.digest),
                source=FileAsset(str(write_bundle(bundle, _build_folder()))),
                server_side_encryption="aws:kms",
                kms_key_id=args.kms_key_arn,
                # Older artifacts stay, or a rollback would have nothing to deploy.
                opts=ResourceOptions(parent=self, retain_on_delete=True),
            )
            s3.BucketObjectv2(
                f"{name}-{bundle.digest[:12]}-manifest",
                bucket=self.bucket,
                key=manifest_object_key(BUILDS, bundle.digest),
                content=describe(bundle.digest).as_json(),
                content_type="application/json",
                server_side_encryption="aws:kms",
                kms_key_id=args.kms_key_arn,
                # Its content changes when uncommitted sources are committed as they are.
                opts=ResourceOptions(parent=self, retain_on_delete=True),
            )
            s3.BucketObjectv2(
                f"{name}-{bundle.digest[:12]}-contents",
                bucket=self.bucket,
                key=contents_object_key(BUILDS, bundle.digest),
                content=describe_contents(bundle),
                content_type="application/vnd.cyclonedx+json",
                server_side_encryption="aws:kms",
                kms_key_id=args.kms_key_arn,
                opts=ResourceOptions(parent=self, retain_on_delete=True),
            )
            self.object_key = uploaded.key
            self.object_version = uploaded.version_id
        else:
            self.digest = args.artifact
            self.object_key = Output.from_input(artifact_object_key(ARTIFACTS, args.artifact))
            self.object_version = args.version or None
        self.register_outputs(
            {"digest": self.digest, "bucket": self.bucket, "objectKey": self.object_key}
        )


def _build_folder() -> Path:
    """Return `dist/` beside Pulumi.yaml, from where the engine uploads the artifact."""
    return Path(pulumi.get_root_directory()) / "dist"
