"""Policy OIDs in issuing CA certificates (docs/operators/oids.md).

They show the purpose of a certificate from a PEM file alone.
"""

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from sinetti.domain.values import Channel, Environment
from sinetti.pki.chain import extension_value

ARC = "2.25.156868473485101095000396921412762461610"
"""OID arc of this project: 2.25 (ITU-T X.667) and a UUID as a whole number.

The UUID is 7603c4df-e7d0-4dc5-99ac-a0f5edd3e5aa.
"""

ANY_POLICY = x509.ObjectIdentifier("2.5.29.32.0")
"""anyPolicy (RFC 5280, 4.2.1.4), for intermediate CA certificates.

With it the policies below them are valid.
"""

_TYPES = {Channel.WS: 1, Channel.SFTP: 2}
_SERVICES = 3
_ENVIRONMENTS = {Environment.PRODUCTION: 1, Environment.TEST: 2}


def channel_policy(channel: Channel, environment: Environment) -> x509.ObjectIdentifier:
    """Return the policy of the issuing CA of one channel in one environment."""
    return x509.ObjectIdentifier(f"{ARC}.1.{_TYPES[channel]}.{_ENVIRONMENTS[environment]}")


def services_policy(environment: Environment) -> x509.ObjectIdentifier:
    """Return the policy of the CA for certificates that sign responses."""
    return x509.ObjectIdentifier(f"{ARC}.1.{_SERVICES}.{_ENVIRONMENTS[environment]}")


_CHANNELS = {
    channel_policy(channel, environment): (channel, environment) for channel in _TYPES for environment in _ENVIRONMENTS
}


def channel_from_policy(issuing_ca_certificate: x509.Certificate) -> tuple[Channel, Environment] | None:
    """Return the channel and environment of a holder's issuing CA.

    The result is None for a certificate without exactly one policy of this project, or if it cannot be read.
    """
    try:
        policies = extension_value(issuing_ca_certificate, x509.CertificatePolicies)
    except ValueError:
        return None
    known = [_CHANNELS[policy.policy_identifier] for policy in policies or () if policy.policy_identifier in _CHANNELS]
    return known[0] if len(known) == 1 else None


def signs_responses(issuing_ca_certificate: x509.Certificate, environment: Environment | None = None) -> bool:
    """Return True for a services issuing CA of this environment, or of any for None.

    The result is False if the certificate cannot be read.
    """
    wanted = {services_policy(one) for one in Environment if environment in {None, one}}
    try:
        policies = extension_value(issuing_ca_certificate, x509.CertificatePolicies)
    except ValueError:
        return False
    return any(policy.policy_identifier in wanted for policy in policies or ())


def services_environment(issuing_ca_certificate: x509.Certificate) -> Environment | None:
    """Return the environment of a services issuing CA, or None.

    None stands for any other certificate.
    """
    return next((one for one in Environment if signs_responses(issuing_ca_certificate, one)), None)


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
