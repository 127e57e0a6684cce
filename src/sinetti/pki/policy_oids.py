"""Policy OIDs in issuing CA certificates (docs/operators/oids.md).

They show the purpose of a certificate from a PEM file alone.
"""

import re
from collections.abc import Iterable

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.domain.values import Channel, Environment
from sinetti.pki.chain import extension_value

ARC = "2.25.156868473485101095000396921412762461610"
"""OID arc of hierarchies without `policy_arc`: 2.25 (ITU-T X.667) and a UUID.

The UUID is 7603c4df-e7d0-4dc5-99ac-a0f5edd3e5aa. Botan and GnuTLS read no number of 128 bits.
"""

MARK = 0x7603C4
"""Number below an operator's arc that marks the policies: 24 bits of that UUID."""

EXAMPLES = "2.999"
"""Arc for examples (ITU-T X.660, A.5), whose policies are always of TEST."""

ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
"""anyPolicy (RFC 5280, 4.2.1.4), for intermediate CA certificates.

With it the policies below them are valid.
"""

_TYPES = {Channel.WS: 1, Channel.SFTP: 2, None: 3}
_ENVIRONMENTS = {Environment.PRODUCTION: 1, Environment.TEST: 2}
_PURPOSES = {
    f"{number}.{where}": (channel, each) for channel, number in _TYPES.items() for each, where in _ENVIRONMENTS.items()
}
_POLICY = re.compile(rf"(?:{re.escape(ARC)}\.1|(.+)\.{MARK})\.([123]\.[12])")


def channel_policy(channel: Channel | None, environment: Environment, arc: str | None = None) -> x509.ObjectIdentifier:
    """Return the policy of the issuing CA of one channel in one environment.

    No channel: that of the CA for certificates that sign responses. `arc` is the operator's, None for `ARC`.
    """
    above = f"{ARC}.1" if arc is None else f"{arc}.{MARK}"
    return x509.ObjectIdentifier(f"{above}.{_TYPES[channel]}.{_ENVIRONMENTS[environment]}")


def _policies_of(certificate: x509.Certificate) -> list[tuple[str | None, Channel | None, Environment]]:
    """Return arc, channel and environment of our policies, if they can be read."""
    try:
        policies = extension_value(certificate, x509.CertificatePolicies) or ()
    except ValueError:
        return []
    matches = (_POLICY.fullmatch(policy.policy_identifier.dotted_string) for policy in policies)
    rows = ((match[1], *_PURPOSES[match[2]]) for match in matches if match)
    return [(arc, channel, Environment.TEST if is_example(arc) else where) for arc, channel, where in rows]


def is_example(arc: str | None) -> bool:
    """Return True for an arc that is no operator's own."""
    return f"{arc}.".startswith(f"{EXAMPLES}.")


def find_arc(certificates: Iterable[x509.Certificate]) -> str | None:
    """Return the operator's arc in these CA certificates, or None."""
    return next((arc for certificate in certificates for arc, _, _ in _policies_of(certificate) if arc), None)


def channel_from_policy(issuing_ca_certificate: x509.Certificate) -> tuple[Channel, Environment] | None:
    """Return the channel and environment of a holder's issuing CA.

    The result is None for a certificate without exactly one policy of this project, or if it cannot be read.
    """
    known = [(channel, where) for _, channel, where in _policies_of(issuing_ca_certificate) if channel]
    return known[0] if len(known) == 1 else None


def signs_responses(issuing_ca_certificate: x509.Certificate, environment: Environment | None = None) -> bool:
    """Return True for a services issuing CA of this environment, or of any for None.

    The result is False if the certificate cannot be read.
    """
    found = _policies_of(issuing_ca_certificate)
    return any(channel is None and environment in {None, where} for _, channel, where in found)


def services_environment(issuing_ca_certificate: x509.Certificate) -> Environment | None:
    """Return the environment of a services issuing CA, or None.

    None stands for any other certificate.
    """
    return next(
        (environment for environment in Environment if signs_responses(issuing_ca_certificate, environment)), None
    )


def is_ocsp_responder(certificate: x509.Certificate) -> bool:
    """Return True for an OCSP signing key (RFC 6960, 4.2.2.2), which has no other use.

    The issuer is not checked. Raises ValueError if the extensions cannot be read.
    """
    return ExtendedKeyUsageOID.OCSP_SIGNING in (extension_value(certificate, x509.ExtendedKeyUsage) or ())


def is_holder_certificate(certificate: x509.Certificate) -> bool:
    """Return True for a holder's certificate, by its own extensions (facts sheet, 4).

    It is no CA, is for TLS clients, and its key may sign. The issuer is not checked. The result is False if the
    certificate cannot be read.
    """
    try:
        constraints = extension_value(certificate, x509.BasicConstraints)
        purposes = extension_value(certificate, x509.ExtendedKeyUsage)
        usage = extension_value(certificate, x509.KeyUsage)
    except ValueError:
        return False
    if constraints is not None and constraints.ca:
        return False
    may_sign = usage is None or usage.digital_signature
    named = tuple(purposes or ())
    # An OCSP responder of a CA is none of its holders (RFC 6960, 4.2.2.2).
    return may_sign and ExtendedKeyUsageOID.CLIENT_AUTH in named and ExtendedKeyUsageOID.OCSP_SIGNING not in named
