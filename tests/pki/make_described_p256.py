"""Script that made described-p256.pem, a certificate with a described curve.

Its P-256 key describes its curve.

    python tests/pki/make_described_p256.py > tests/pki/described-p256.pem
"""

import subprocess
import sys
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    key = Path(folder) / "key.pem"
    made = [
        "openssl",
        "ecparam",
        "-name",
        "prime256v1",
        "-param_enc",
        "explicit",
        "-genkey",
        "-noout",
        "-out",
        str(key),
    ]
    subprocess.run(made, check=True)
    subject = "/CN=0123456-7/O=Sinisiipi Oy/C=FI"
    signed = ["openssl", "req", "-x509", "-new", "-key", str(key), "-subj", subject, "-days", "3650"]
    sys.stdout.buffer.write(subprocess.run(signed, check=True, capture_output=True).stdout)
