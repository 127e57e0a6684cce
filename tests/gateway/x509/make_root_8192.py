"""Script that made `root-8192.pem`, a root of 8192 bits and a P-256 CA of it.

It ran once, since a key of 8192 bits takes a minute.

    python tests/gateway/x509/make_root_8192.py > tests/gateway/x509/root-8192.pem
"""

import sys
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

CA_KEY = ec.derive_private_key(8192, ec.SECP256R1())
"""No secret: tests sign leaves with it."""


def main() -> None:
    """Print both certificates, the root first."""
    root_key = rsa.generate_private_key(65_537, 8192)
    root, ca = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Root 8192", "CA below 8192"))
    for subject, key in ((root, root_key), (ca, CA_KEY)):
        builder = x509.CertificateBuilder(root, subject, key.public_key(), x509.random_serial_number())
        certificate = (
            builder.not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2099, 12, 31, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(root_key, hashes.SHA256())
        )
        sys.stdout.write(certificate.public_bytes(Encoding.PEM).decode())


if __name__ == "__main__":
    main()
