"""The errors of the in-process engine."""

from __future__ import annotations


class EngineError(Exception):
    """The in-process engine cannot deploy a stack; the text names the resource and the reason."""


class ProtectedError(EngineError):
    """A protected resource would be replaced or deleted; nothing was changed.

    The texts are Pulumi's own.
    """


def cannot_replace(urn: str) -> str:
    """Return what Pulumi says when a protected resource would be replaced."""
    return (
        f'unable to replace resource "{urn}"\nas it is currently marked for protection. To '
        "unprotect the resource, remove the `protect` flag from the resource in your Pulumi "
        "program and run `pulumi up`"
    )


def cannot_delete(urn: str) -> str:
    """Return what Pulumi says when a protected resource would be deleted."""
    return (
        f'resource "{urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, '
        "either remove the `protect` flag from the resource in your Pulumi program and run "
        f"`pulumi up`, or use the command:\n`pulumi state unprotect '{urn}'`"
    )
