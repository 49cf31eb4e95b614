"""A certificate authority for one test run: what a Kubernetes or a TLS listener of the tests is signed by."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_A_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs what `folder` keeps; `certificate` is what its clients have to trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wherry-tests")])
        own = _builder(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = folder / "ca.crt"
        self.certificate.write_bytes(
            own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )

    def server(self, name: str, hosts: Sequence[str]) -> KeyPair:
        """A certificate for a listener on these names and addresses."""
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        return self._signed(name, [(NameOID.COMMON_NAME, name)], ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client(self, user: str, groups: Sequence[str] = ()) -> KeyPair:
        """A certificate that Kubernetes takes for this user in these groups."""
        parts = [(NameOID.ORGANIZATION_NAME, group) for group in groups]
        parts.append((NameOID.COMMON_NAME, user))
        return self._signed(user.replace(":", "-"), parts, ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def signing_key(self, name: str) -> Path:
        """A bare private key, as service account tokens are signed with."""
        return self._keep_key(name, ec.generate_private_key(ec.SECP256R1()))

    def _signed(
        self,
        name: str,
        subject: Sequence[tuple[x509.ObjectIdentifier, str]],
        use: x509.ObjectIdentifier,
        hosts: x509.SubjectAlternativeName | None,
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        named = x509.Name([x509.NameAttribute(kind, value) for kind, value in subject])
        builder = _builder(named, self._name, key).add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        if hosts is not None:
            builder = builder.add_extension(hosts, critical=False)
        certificate = self._folder / f"{name}.crt"
        certificate.write_bytes(
            builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        return KeyPair(certificate, self._keep_key(name, key))

    def _keep_key(self, name: str, key: ec.EllipticCurvePrivateKey) -> Path:
        kept = self._folder / f"{name}.key"
        kept.touch(mode=0o600)
        kept.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        return kept


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _A_DAY)
        .not_valid_after(now + 30 * _A_DAY)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
