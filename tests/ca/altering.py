"""Valid certificates with one change.

Any key signs them, since the lint does not look at signatures.
"""

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.support.authority import holder_key


def altered(good, *, without=(), put=(), **parts):
    """Rebuild a certificate with changes.

    `without` has extension types to leave out, and `put` has extensions to add, as (value, critical). `parts` are
    those of cryptography's builder: issuer_name, subject_name, public_key, serial_number, not_valid_before,
    not_valid_after.
    """
    builder = x509.CertificateBuilder(
        parts.get("issuer_name", good.issuer),
        parts.get("subject_name", good.subject),
        parts.get("public_key", good.public_key()),
        parts.get("serial_number", good.serial_number),
        parts.get("not_valid_before", good.not_valid_before_utc),
        parts.get("not_valid_after", good.not_valid_after_utc),
    )
    replaced = {value.oid for value, _ in put}
    for one in good.extensions:
        if one.oid not in replaced and not isinstance(one.value, tuple(without)):
            builder = builder.add_extension(one.value, critical=one.critical)
    for value, critical in put:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(holder_key(), hashes.SHA256())


def subject(*attributes):
    """Make a name of (oid, value) pairs, in this order, or of ready attributes."""
    return x509.Name([one if isinstance(one, x509.NameAttribute) else x509.NameAttribute(*one) for one in attributes])
