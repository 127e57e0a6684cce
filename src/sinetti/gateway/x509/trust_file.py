"""Trust file: purposes of CAs whose certificates do not state them (TOML).

See docs/relying/gateway.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from sinetti.domain.values import Channel, Environment, Sha256
from sinetti.infra import standard_input
from sinetti.infra.toml_tables import parse_toml
from sinetti.pki import chain
from sinetti.pki.encoding import certificate_der, load_certificate, sha256_hex
from sinetti.pki.policy_oids import channel_from_policy

_SHA256 = re.compile(r"[0-9a-f]{64}")
Choice = TypeVar("Choice", bound=StrEnum)

_KEYS = frozenset({"sha256", "certificate", "channel", "environment", "name"})


class TrustError(ValueError):
    """Unusable trust file; the text has the place, and what to write instead."""


@dataclass(frozen=True)
class CaPurpose:
    """Purpose of an issuing CA; None: not stated."""

    channel: Channel | None = None
    environment: Environment | None = None
    name: str | None = None


UNKNOWN = CaPurpose()


@dataclass(frozen=True)
class TrustFile:
    """Purposes of issuing CAs by the SHA-256 of their DER.

    The file does not make a CA an anchor.
    """

    issuers: Mapping[Sha256, CaPurpose] = field(default_factory=dict)

    def of(self, issuer: x509.Certificate) -> CaPurpose:
        """Return the purpose of this CA; UNKNOWN if it is not named."""
        return self.issuers.get(sha256_hex(certificate_der(issuer)), UNKNOWN)


def ca_purpose(issuer: x509.Certificate, trust: TrustFile | None) -> CaPurpose:
    """Return the purpose of a CA, by its policy or the trust file.

    See docs/operators/oids.md.

    The policy has precedence. Returns UNKNOWN if neither states a purpose.
    """
    purpose = channel_from_policy(issuer)
    if purpose is not None:
        return CaPurpose(*purpose)
    return UNKNOWN if trust is None else trust.of(issuer)


def load(path: Path) -> TrustFile:
    """Read a trust file, "-" for standard input; paths are relative to the file.

    Raises TrustError, or OSError if the file cannot be read.
    """
    try:
        raw = parse_toml(standard_input.read_file(path).decode("utf-8"))
    except ValueError as bad:
        raise TrustError(f"not valid TOML ({bad})") from None
    rows = raw.pop("issuer", None)
    if raw or not isinstance(rows, list) or not rows:
        raise TrustError("it must contain at least one [[issuer]] table and nothing else")
    issuers: dict[Sha256, CaPurpose] = {}
    for row in rows:
        for digest in _digests(row, path.parent):
            if digest in issuers:
                raise TrustError(f"issuer {digest} is listed twice")
            issuers[digest] = CaPurpose(
                _chosen(Channel, row, "channel"),
                _chosen(Environment, row, "environment"),
                _text(row, "name"),
            )
    return TrustFile(issuers)


def _digests(row: object, beside: Path) -> list[Sha256]:
    if not isinstance(row, dict) or row.keys() - _KEYS or ("sha256" in row) == ("certificate" in row):
        raise TrustError(
            f"an [[issuer]] needs either sha256 or certificate, and its only keys are {', '.join(sorted(_KEYS))}"
        )
    if "sha256" in row:
        digest = str(row["sha256"]).lower().replace(":", "")
        if not _SHA256.fullmatch(digest):
            raise TrustError("sha256 must be the SHA-256 of the CA certificate's DER: 64 hex digits")
        return [Sha256(digest)]
    octets = (beside / str(row["certificate"])).read_bytes()
    try:
        certificates = chain.load_bundle(octets) if b"-----BEGIN" in octets else (load_certificate(octets),)
    except ValueError as bad:
        raise TrustError(f"certificate {row['certificate']}: {bad}") from None
    return [sha256_hex(certificate_der(certificate)) for certificate in certificates]


def _chosen(kind: type[Choice], row: Mapping[str, object], name: str) -> Choice | None:
    value = row.get(name)
    if value is not None and not (isinstance(value, str) and value in set(kind)):
        raise TrustError(f"{name} must be one of {', '.join(kind)}")
    return None if value is None else kind(str(value))


def _text(row: Mapping[str, object], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise TrustError(f"{name} must be text")
    return value
