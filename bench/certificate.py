"""A self-signed certificate for the stub, in the benchmark's temporary folder."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

import botocore.httpsession
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


def make(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 with its key, and a CA bundle that contains it.

    The bundle is botocore's own with the certificate at its end: loading the usual authorities is
    most of the cost of a new TLS connection, and clients of AWS do load them.

    Returns:
        The paths of the certificate with its key, and of the bundle.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ecs-run-task bench")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    own, bundle = folder / "stub.pem", folder / "bundle.pem"
    own.touch(mode=0o600)
    own.write_bytes(private + public)
    with open(botocore.httpsession.where(), "rb") as usual:  # noqa: PTH123 - the path is a string of botocore
        bundle.write_bytes(usual.read() + b"\n" + public)
    return own, bundle
