"""Policy OIDs in issuing CA certificates: a PEM file alone tells what a certificate is for (docs/oids.md)."""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.domain.values import Channel, Environment
from sinetti.pki.chain import extension_value

ARC = "2.25.156868473485101095000396921412762461610"
"""Our own arc: 2.25 (ITU-T X.667) and the UUID 7603c4df-e7d0-4dc5-99ac-a0f5edd3e5aa as a whole number."""

ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
"""anyPolicy (RFC 5280, 4.2.1.4): in intermediate CA certificates, so that the policies below them are valid."""

_TYPES = {Channel.WS: 1, Channel.SFTP: 2}
_SERVICES = 3
_ENVIRONMENTS = {Environment.PRODUCTION: 1, Environment.TEST: 2}


def channel_policy(channel: Channel, environment: Environment) -> x509.ObjectIdentifier:
    """Give the policy of the CA that issues to holders for one channel in one environment."""
    return x509.ObjectIdentifier(f"{ARC}.1.{_TYPES[channel]}.{_ENVIRONMENTS[environment]}")


def services_policy(environment: Environment) -> x509.ObjectIdentifier:
    """Give the policy of the CA whose leaves sign responses in one environment."""
    return x509.ObjectIdentifier(f"{ARC}.1.{_SERVICES}.{_ENVIRONMENTS[environment]}")


_CHANNELS = {
    channel_policy(channel, environment): (channel, environment) for channel in _TYPES for environment in _ENVIRONMENTS
}


def channel_from_policy(issuing_ca_certificate: x509.Certificate) -> tuple[Channel, Environment] | None:
    """Give the channel and environment of a holder's issuing CA.

    None for every other certificate: no policy of ours, more than one of them, or one that cannot be read.
    """
    try:
        policies = extension_value(issuing_ca_certificate, x509.CertificatePolicies)
    except ValueError:
        return None
    known = [_CHANNELS[policy.policy_identifier] for policy in policies or () if policy.policy_identifier in _CHANNELS]
    return known[0] if len(known) == 1 else None


def signs_responses(issuing_ca_certificate: x509.Certificate, environment: Environment | None = None) -> bool:
    """Whether it is a services issuing CA, of this environment or (None) of either; False if it cannot be read."""
    wanted = {services_policy(one) for one in Environment if environment in {None, one}}
    try:
        policies = extension_value(issuing_ca_certificate, x509.CertificatePolicies)
    except ValueError:
        return False
    return any(policy.policy_identifier in wanted for policy in policies or ())


def is_ocsp_responder(certificate: x509.Certificate) -> bool:
    """Whether its key may sign OCSP answers for its issuer (RFC 6960, 4.2.2.2), and so nothing else.

    Who issued it is another question. Raises ValueError if its extensions cannot be read.
    """
    return ExtendedKeyUsageOID.OCSP_SIGNING in (extension_value(certificate, x509.ExtendedKeyUsage) or ())


def is_holder_certificate(certificate: x509.Certificate) -> bool:
    """Whether it is a holder's by its own extensions: no CA, for TLS clients, its key may sign (facts sheet, 4).

    Who issued it is another question. False if it cannot be read.
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
    # Whoever answers for a CA's certificates is none of its holders (RFC 6960, 4.2.2.2).
    return may_sign and ExtendedKeyUsageOID.CLIENT_AUTH in named and ExtendedKeyUsageOID.OCSP_SIGNING not in named
