"""The token service of a CNCF registry that runs with `auth: token`: a key, its certificate, and tokens.

A password file would have the peer run bcrypt on every request, and flatter us.
"""

from __future__ import annotations

import base64
import datetime
import uuid
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ISSUER = "wherry-bench"
SERVICE = "bench"


@dataclass(frozen=True, slots=True)
class TokenService:
    """Signs tokens; `bundle` is the certificate that the registry is told to trust."""

    key: rsa.RSAPrivateKey
    chain: list[str]
    bundle: Path

    def token(self, scopes: list[str]) -> str:
        """A Bearer for scopes written as clients write them: `repository:bench/app:pull,push`."""
        now = datetime.datetime.now(datetime.UTC)
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        claims = {
            "iss": ISSUER,
            "sub": "bench",
            "aud": SERVICE,
            "exp": now + datetime.timedelta(hours=2),
            "nbf": now - datetime.timedelta(minutes=1),
            "iat": now,
            "jti": uuid.uuid4().hex,
            "access": access,
        }
        return "Bearer " + jwt.encode(claims, self.key, algorithm="RS256", headers={"x5c": self.chain})


def make_token_service(folder: Path) -> TokenService:
    """RSA 2048: of the algorithms that the registries take, the cheapest to check."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wherry bench token service")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    bundle = folder / "token-service.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    der = certificate.public_bytes(serialization.Encoding.DER)
    return TokenService(key, [base64.b64encode(der).decode()], bundle)
