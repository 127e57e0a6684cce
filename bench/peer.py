"""Comparison with django-ca (PyPI, in an environment of its own).

It issues bare certificates through its Python API, with the same CA.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_csr

from bench.floor import request_of
from bench.scene import Holder
from sinetti.authority.bootstrap import Authority
from sinetti.domain.values import Channel
from sinetti.pki.encoding import certificate_der, certificate_pem, dump_private_key, load_private_key

ENVIRONMENT = Path(__file__).parent / ".django-ca"
"""Environment that is made once and removed by `make clean`."""

_WANTED = ["django-ca>=3.2,<4", "psycopg[binary]>=3.2,<4"]
_PROGRAM = Path(__file__).with_name("django_ca_program.py")


def measured(authority: Authority, holders: Sequence[Holder], database_url: str) -> float | None:
    """Return certificates a second, or None if django-ca cannot be installed."""
    python = _python()
    if python is None:
        return None
    with TemporaryDirectory() as name:
        write_ca(authority, Path(name))
        pems = [load_der_x509_csr(request_of(holder)).public_bytes(Encoding.PEM).decode() for holder in holders]
        (Path(name) / "requests.json").write_text(json.dumps(pems), encoding="ascii")
        command = [str(python), "-P", str(_PROGRAM), name, database_url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return float(done.stdout.split()[-1])


def write_ca(authority: Authority, folder: Path) -> None:
    """Write the issuing CA's certificate and its unencrypted key for other programs.

    The files are ca.pem and key.pem.
    """
    issuer = authority.ctx.issuers[authority.ctx.issuing[Channel.WS]]
    encrypted = (authority.folder.keys / f"{issuer.key_name}.pem").read_bytes()
    key = load_private_key(encrypted, authority.folder.passphrase.read_bytes())
    (folder / "key.pem").write_bytes(dump_private_key(key, None))
    (folder / "ca.pem").write_bytes(certificate_pem(certificate_der(issuer.certificate)))


def _python() -> Path | None:
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_WANTED]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"django-ca is left out: {done.stderr.strip()[-200:]}", file=sys.stderr)
        return None
    return python
