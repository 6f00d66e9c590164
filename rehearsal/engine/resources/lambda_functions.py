"""Lambda functions, their aliases and event source mappings."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.engine.errors import EngineError
from rehearsal.engine.resource_types import (
    CreateContext,
    Created,
    DeleteContext,
    ResourceType,
    wait_until_gone,
)

_CONFIGURATION: Final = {
    "description": "Description",
    "handler": "Handler",
    "kmsKeyArn": "KMSKeyArn",
    "layers": "Layers",
    "memorySize": "MemorySize",
    "role": "Role",
    "runtime": "Runtime",
    "timeout": "Timeout",
}


def _function(context: CreateContext) -> Created:
    client, name = context.client("lambda"), context.physical_name()
    request = _configuration(context)
    architectures = context.inputs.as_api({"architectures": "Architectures"})
    made = client.create_function(
        FunctionName=name,
        Code=_code(context),
        Publish=bool(context.inputs.get("publish")),
        PackageType=context.inputs.get("packageType") or "Zip",
        Tags=context.tags(),
        **request,
        **architectures,
    )
    return _outputs(context, made)


def _update_function(context: CreateContext) -> Created:
    client, name = context.client("lambda"), context.physical_name()
    request = _configuration(context)
    _update_tags(context, context.existing.outputs["arn"])
    context.inputs.get("packageType")
    client.update_function_configuration(FunctionName=name, **request)
    architectures = context.inputs.as_api({"architectures": "Architectures"})
    made = client.update_function_code(FunctionName=name, **_code(context), **architectures)
    if context.inputs.get("publish"):
        made = client.publish_version(FunctionName=name)
        # The provider waits until the version is there.
        client.get_function_configuration(FunctionName=name, Qualifier=made["Version"])
    return _outputs(context, made)


def _delete_function(context: DeleteContext) -> None:
    context.client("lambda").delete_function(FunctionName=context.id)


def _update_tags(context: CreateContext, arn: str) -> None:
    changed, removed = context.changed_tags()
    if changed:
        context.client("lambda").tag_resource(Resource=arn, Tags=changed)
    if removed:
        context.client("lambda").untag_resource(Resource=arn, TagKeys=removed)


def _configuration(context: CreateContext) -> dict[str, Any]:
    inputs = context.inputs
    request = inputs.as_api(_CONFIGURATION)
    if part := inputs.part("environment"):
        request["Environment"] = part.as_api({"variables": "Variables"})
    if part := inputs.part("loggingConfig"):
        request["LoggingConfig"] = part.as_api(
            {
                "applicationLogLevel": "ApplicationLogLevel",
                "logFormat": "LogFormat",
                "logGroup": "LogGroup",
                "systemLogLevel": "SystemLogLevel",
            }
        )
    if part := inputs.part("tracingConfig"):
        request["TracingConfig"] = part.as_api({"mode": "Mode"})
    if part := inputs.part("deadLetterConfig"):
        request["DeadLetterConfig"] = part.as_api({"targetArn": "TargetArn"})
    if part := inputs.part("ephemeralStorage"):
        request["EphemeralStorage"] = part.as_api({"size": "Size"})
    return request


def _code(context: CreateContext) -> dict[str, str]:
    return context.inputs.as_api(
        {"s3Bucket": "S3Bucket", "s3Key": "S3Key", "s3ObjectVersion": "S3ObjectVersion"}
    )


def _outputs(context: CreateContext, made: dict[str, Any]) -> Created:
    """Check the digest of the code, and return the outputs, as the provider does."""
    inputs, name = context.inputs, made["FunctionName"]
    for key in ("codeSha256", "sourceCodeHash"):
        wanted = inputs.get(key)
        if wanted and wanted != made["CodeSha256"]:
            raise EngineError(
                f"aws:lambda/function:Function {context.name!r}: {key} is {wanted}, and the code's "
                f"digest is {made['CodeSha256']}"
            )
    reserved = inputs.get("reservedConcurrentExecutions")
    if reserved is not None and reserved >= 0:
        context.client("lambda").put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=reserved
        )
    version = made["Version"]
    arn = context.provider.arn("lambda", f"function:{name}")
    return Created(
        name,
        {
            "name": name,
            "arn": arn,
            "version": version,
            "qualifiedArn": f"{arn}:{version}",
            "invokeArn": _invoke_arn(context, arn),
            "qualifiedInvokeArn": _invoke_arn(context, f"{arn}:{version}"),
            "codeSha256": made["CodeSha256"],
            "sourceCodeHash": made["CodeSha256"],
            "sourceCodeSize": made["CodeSize"],
            "lastModified": made["LastModified"],
        },
    )


def _invoke_arn(context: CreateContext, arn: str) -> str:
    service = f"arn:aws:apigateway:{context.provider.region}:lambda:path/2015-03-31/functions"
    return f"{service}/{arn}/invocations"


def _alias(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("lambda")
    name, function = context.physical_name(), inputs.require("functionName")
    request = {
        "FunctionName": function,
        "Name": name,
        "FunctionVersion": inputs.require("functionVersion"),
        **inputs.as_api({"description": "Description"}),
    }
    if part := inputs.part("routingConfig"):
        request["RoutingConfig"] = part.as_api(
            {"additionalVersionWeights": "AdditionalVersionWeights"}
        )
    made = client.update_alias(**request) if context.old else client.create_alias(**request)
    arn = made["AliasArn"]
    return Created(arn, {"name": name, "arn": arn, "invokeArn": _invoke_arn(context, arn)})


def _delete_alias(context: DeleteContext) -> None:
    context.client("lambda").delete_alias(
        FunctionName=context["functionName"], Name=context["name"]
    )


def _mapping(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("lambda")
    request = inputs.as_api(
        {
            "functionName": "FunctionName",
            "batchSize": "BatchSize",
            "enabled": "Enabled",
            "functionResponseTypes": "FunctionResponseTypes",
            "kmsKeyArn": "KMSKeyArn",
            "maximumBatchingWindowInSeconds": "MaximumBatchingWindowInSeconds",
        }
    )
    if part := inputs.part("scalingConfig"):
        request["ScalingConfig"] = part.as_api({"maximumConcurrency": "MaximumConcurrency"})
    if part := inputs.part("filterCriteria"):
        filters = [f.as_api({"pattern": "Pattern"}) for f in part.parts("filters")]
        request["FilterCriteria"] = {"Filters": filters}
    if part := inputs.part("metricsConfig"):
        request["MetricsConfig"] = part.as_api({"metrics": "Metrics"})
    source = inputs.require("eventSourceArn")
    if context.old:
        _update_tags(context, context.old.outputs["arn"])
        made = client.update_event_source_mapping(UUID=context.old.id, **request)
    else:
        made = client.create_event_source_mapping(
            EventSourceArn=source, Tags=context.tags(), **request
        )
    mapping = made["UUID"]
    return Created(
        mapping,
        {
            "uuid": mapping,
            "arn": context.provider.arn("lambda", f"event-source-mapping:{mapping}"),
            "functionArn": made["FunctionArn"],
            "state": made["State"],
            "stateTransitionReason": made["StateTransitionReason"],
        },
    )


def _delete_mapping(context: DeleteContext) -> None:
    client = context.client("lambda")
    client.delete_event_source_mapping(UUID=context.id)
    wait_until_gone(
        lambda: client.get_event_source_mapping(UUID=context.id), "ResourceNotFoundException"
    )


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:lambda/function:Function",
        create=_function,
        update=_update_function,
        delete=_delete_function,
        replace_on=("name", "packageType"),
        recomputed=("lastModified", "qualifiedArn", "qualifiedInvokeArn", "version"),
        ignored=("skipDestroy",),
    ),
    ResourceType(
        type="aws:lambda/alias:Alias",
        create=_alias,
        delete=_delete_alias,
        create_is_put=True,
        replace_on=("name", "functionName"),
    ),
    ResourceType(
        type="aws:lambda/eventSourceMapping:EventSourceMapping",
        create=_mapping,
        delete=_delete_mapping,
        create_is_put=True,
        replace_on=("eventSourceArn",),
        named_by="",
    ),
)
