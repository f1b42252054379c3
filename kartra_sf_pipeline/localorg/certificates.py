"""Throw-away keys of a local org: its certificate authority, its TLS certificate, and the key
that a client signs its JWT assertions with.

Made on the first start, kept in the home folder for the owner's eyes, and trusted by nobody who
was not told to.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS = 397
_RENEW_DAYS = 30


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: what clients are to trust, and what the server shows and signs with."""

    ca_file: Path
    chain_file: Path
    key_file: Path


def server_certificates(folder: Path) -> Certificates:
    """The certificate for 127.0.0.1 and localhost, made anew when it is missing or runs out.

    The authority's private key is forgotten at once: no second certificate can be made with it.
    """
    found = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if _usable(found):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _name("Local org, for this machine only")
    public = authority_key.public_key()
    ca = (
        _builder(authority, authority)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
    leaf = (
        _builder(_name("localhost"), authority)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write(found.key_file, _private(key))
    _write(found.chain_file, _pem(leaf))
    _write(found.ca_file, _pem(ca))
    return found


def client_key(folder: Path) -> tuple[Path, Path]:
    """The key that clients sign JWT assertions with, and its certificate; made when missing."""
    key_file, certificate_file = folder / "client.key", folder / "client.crt"
    if key_file.exists() and certificate_file.exists():
        return key_file, certificate_file
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = _name("Connected app of the local org")
    certificate = _builder(name, name).public_key(key.public_key()).sign(key, hashes.SHA256())
    _write(key_file, _private(key))
    _write(certificate_file, _pem(certificate))
    return key_file, certificate_file


def _usable(found: Certificates) -> bool:
    try:
        leaf = x509.load_pem_x509_certificate(found.chain_file.read_bytes())
        ca = x509.load_pem_x509_certificate(found.ca_file.read_bytes())
        key = serialization.load_pem_private_key(found.key_file.read_bytes(), None)
        leaf.verify_directly_issued_by(ca)
    except Exception:  # whatever is wrong with them, new ones are made
        return False
    ends = datetime.now(UTC) + timedelta(days=_RENEW_DAYS)
    fits = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == leaf.public_key()
    return fits and ends < leaf.not_valid_after_utc


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=_DAYS))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by the owner alone."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    temporary.replace(path)
