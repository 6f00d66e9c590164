"""Where a stage's code comes from: built here and kept, or promoted from another account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi import FileAsset, Input, Output, ResourceOptions
from pulumi_aws import s3

from infra.bundle import artifact_object_key, build_bundle, write_bundle
from infra.config import BUILD
from infra.manifest import describe, manifest_object_key


@dataclass(frozen=True, kw_only=True)
class ArtifactSourceArgs:
    """What an artifact source is made of."""

    artifact: str
    bucket: Input[str]
    key: Input[str]


class ArtifactSource(pulumi.ComponentResource):
    """One artifact in the account's bucket, named by its SHA-256."""

    digest: str
    bucket: Output[str]
    object_key: Output[str]

    def __init__(
        self, name: str, args: ArtifactSourceArgs, opts: ResourceOptions | None = None
    ) -> None:
        """Upload what was built here; what was promoted is in the bucket already."""
        super().__init__("ecs-run-task:index:ArtifactSource", name, None, opts)
        self.bucket = Output.from_input(args.bucket)
        if args.artifact == BUILD:
            bundle = build_bundle()
            self.digest = bundle.digest
            uploaded = s3.BucketObjectv2(
                # One resource for each artifact: a new one does not replace the old one's object.
                f"{name}-{bundle.digest[:12]}",
                bucket=self.bucket,
                key=artifact_object_key(bundle.digest),
                source=FileAsset(str(write_bundle(bundle, _build_folder()))),
                server_side_encryption="aws:kms",
                kms_key_id=args.key,
                # An older artifact has to stay, or nobody could go back to it.
                opts=ResourceOptions(parent=self, retain_on_delete=True),
            )
            s3.BucketObjectv2(
                f"{name}-{bundle.digest[:12]}-manifest",
                bucket=self.bucket,
                key=manifest_object_key(bundle.digest),
                content=describe(bundle.digest).as_json(),
                content_type="application/json",
                server_side_encryption="aws:kms",
                kms_key_id=args.key,
                # The first build of these bytes is what the manifest tells of.
                opts=ResourceOptions(
                    parent=self, retain_on_delete=True, ignore_changes=["content"]
                ),
            )
            self.object_key = uploaded.key
        else:
            self.digest = args.artifact
            self.object_key = Output.from_input(artifact_object_key(args.artifact))
        self.register_outputs(
            {"digest": self.digest, "bucket": self.bucket, "objectKey": self.object_key}
        )


def _build_folder() -> Path:
    """Return `dist/` beside Pulumi.yaml, from where the engine uploads the artifact."""
    return Path(pulumi.get_root_directory()) / "dist"
