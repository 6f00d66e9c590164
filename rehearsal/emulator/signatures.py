"""Checks that a request is signed with a secret that the emulator gave out.

Root users, whose access key id is their account, sign with the secret of this run, which
only the parent process knows; everybody else with what AssumeRole, CreateAccessKey or Lambda gave
them. MiniStack does not check the signature of a root user. The expected signature is computed by
botocore's own signer.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from rehearsal.emulator import ministack_internals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ministack.core.sigv4 import HeaderSignature

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_BODY_HASH: Final = "x-amz-content-sha256"
_TOKEN: Final = "x-amz-security-token"  # noqa: S105 - the name of a header
_OTHER_CREDENTIALS: Final = ("x-amz-credential", "x-amz-security-token", "awsaccesskeyid")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_UNKNOWN_KEY: Final = "The security token included in the request is invalid."
_DIFFERENT_BODY: Final = (
    "The provided 'x-amz-content-sha256' header does not match what was computed."
)


class SignatureError(Exception):
    """A request is not signed as it must be.

    Args:
        code: The error code, as AWS names it.
        message: The error's text.

    Attributes:
        code: The error code.
        message: The error's text.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """An HTTP request as it arrived.

    Attributes:
        method: The HTTP method.
        path: The path of the URL, still encoded.
        query: The query of the URL, still encoded.
        headers: The headers by lower-case name; values of the same name joined by a comma.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class SignatureCheck:
    """The check of one request: first all but its body, then the body.

    Args:
        request: The request.
        root_secret: The secret access key of every account's root user.

    Raises:
        SignatureError: if the request is not signed, with an unknown or expired key, at another
            time, or with headers that the signature does not cover; or with a wrong signature, if
            it names the hash of its body.
    """

    def __init__(self, request: SignedRequest, root_secret: str) -> None:
        self._request = request
        self._pairs = urllib.parse.parse_qsl(request.query, keep_blank_values=True)
        self._signature = _parse(request.headers)
        if any(name.lower() in _OTHER_CREDENTIALS for name, _ in self._pairs):
            raise SignatureError("IncompleteSignature", "The request has more than one credential.")
        _check_headers(request.headers, self._signature.signed_headers.split(";"))
        self._secret = _secret(self._signature.access_key_id, request.headers, root_secret)
        self._body_hash = request.headers.get(_BODY_HASH, "")
        if self._body_hash:
            self._compare(b"")

    def check_body(self, body: bytes) -> None:
        """Check that the signature covers the body.

        Raises:
            SignatureError: if it does not.
        """
        if not self._body_hash:
            self._compare(body)
        # A body that is not signed is refused too: clients sign it wherever there is no TLS.
        elif not hmac.compare_digest(self._body_hash, hashlib.sha256(body).hexdigest()):
            raise SignatureError("XAmzContentSHA256Mismatch", _DIFFERENT_BODY)

    def _compare(self, body: bytes) -> None:
        signature, request = self._signature, self._request
        sign = S3SigV4Auth if signature.service == "s3" else SigV4Auth
        signer = sign(
            Credentials(signature.access_key_id, self._secret), signature.service, signature.region
        )
        names = signature.signed_headers.split(";")
        copy = AWSRequest(
            method=request.method,
            url=f"http://{request.headers['host']}{request.path}",
            headers={name: request.headers.get(name, "") for name in names},
            params=self._pairs,  # type: ignore[arg-type]  # a name may occur twice
            data=body,
        )
        copy.context["timestamp"] = signature.amz_date
        text = signer.string_to_sign(copy, signer.canonical_request(copy))
        if not hmac.compare_digest(signer.signature(text, copy), signature.signature):
            raise SignatureError("SignatureDoesNotMatch", ministack_internals.SIGNATURE_MISMATCH)


def _parse(headers: Mapping[str, str]) -> HeaderSignature:
    authorization = headers.get("authorization", "")
    if not authorization.startswith(f"{_ALGORITHM} "):
        raise SignatureError("MissingAuthenticationToken", "Missing Authentication Token")
    if authorization.count("Credential=") > 1:
        raise SignatureError("IncompleteSignature", "The request has more than one credential.")
    signature = ministack_internals.parse_header_signature(headers)
    if isinstance(signature, tuple):
        raise SignatureError(*signature)
    if signature.date_stamp != signature.amz_date[:8]:
        raise SignatureError("SignatureDoesNotMatch", "The dates of credential and request differ.")
    if skewed := ministack_internals.request_time_failure(signature):
        raise SignatureError(*skewed)
    return signature


def _check_headers(headers: Mapping[str, str], signed: list[str]) -> None:
    unsigned = {name for name in headers if name == "host" or name.startswith("x-amz-")}
    if missing := sorted(unsigned.difference(signed)):
        raise SignatureError(
            "SignatureDoesNotMatch", f"Headers of the request are not signed: {', '.join(missing)}"
        )


def _secret(access_key: str, headers: Mapping[str, str], root_secret: str) -> str:
    """Return the secret access key of an access key id."""
    token = headers.get(_TOKEN, "")
    if _ACCOUNT.fullmatch(access_key):
        if token:
            raise SignatureError("InvalidToken", _UNKNOWN_KEY)
        return root_secret
    evaluator = ministack_internals.iam_evaluator
    if evaluator.is_root_access_key(access_key):  # names that MiniStack takes for a root user
        raise SignatureError("UnrecognizedClientException", _UNKNOWN_KEY)
    account = ministack_internals.session_account(access_key)
    account = account or evaluator.find_iam_access_key_account(access_key)
    found = evaluator.resolve_credential(access_key, account, token)
    if isinstance(found, evaluator.CredentialResolutionError):
        raise SignatureError(found.code, found.message)
    secret: str = found.secret_access_key
    return secret
