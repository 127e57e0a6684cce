"""SoftHSM2, a PKCS#11 token in software.

A process reads SoftHSM's configuration once. So there is one token for tests that use PKCS#11 in this process, and
there are tokens of a test for those that use it in processes of their own.
"""

import os
import secrets
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from sinetti.pki.signers.pkcs11_uri import TokenLocation

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
LABEL, PIN = "sinetti test", "4711-pin"


def module() -> Path | None:
    """Return SoftHSM's library, or None if it is not installed."""
    return next((Path(one) for one in MODULES if Path(one).exists()), None)


@cache
def folder() -> Path:
    """Create a token for this process, and return the folder of its configuration."""
    place = Path(tempfile.mkdtemp(prefix="sinetti-token-"))
    (place / "tokens").mkdir()
    text = f"directories.tokendir = {place / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    (place / "softhsm2.conf").write_text(text)
    # The library reads the variable in this process. Child processes inherit it.
    os.environ["SOFTHSM2_CONF"] = str(place / "softhsm2.conf")  # noqa: TID251 - SoftHSM's only setting
    command = ("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "so-pin")
    subprocess.run(command, check=True, capture_output=True)
    return place


def pin_file(folder: Path, pin: str = PIN) -> Path:
    """Write a PIN into a file."""
    path = folder / f"pin-{secrets.token_hex(4)}"
    path.write_text(f"{pin}\n")
    path.chmod(0o600)
    return path


def forget_sessions() -> None:
    """Close this process's sessions, and allow wrong PINs again."""
    from sinetti.pki.signers import pkcs11  # noqa: PLC0415 - where the extra is there

    with pkcs11._OPENED.lock:
        for at in list(pkcs11._OPENED.sessions):
            pkcs11._drop(at)
        pkcs11._OPENED.refused.clear()


NEEDED = pytest.mark.skipif(module() is None, reason="SoftHSM is not installed (softhsm2)")


@dataclass(frozen=True, slots=True)
class SoftTokens:
    """Tokens of one test, in a folder of its own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def tokens(self) -> Path:
        """Folder of the tokens' files."""
        return self.folder / "tokens"

    def add(self, label: str) -> TokenLocation:
        """Create a token."""
        command = ("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "so-pin")
        subprocess.run(command, check=True, capture_output=True)
        found = module()
        assert found is not None
        return TokenLocation(found, label, pin_file(self.folder))

    def keys(self, label: str, pin: str = PIN) -> list[str]:
        """Return the labels of the private keys in a token."""
        program = (
            "import sys, pkcs11\n"
            "token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])\n"
            "with token.open(user_pin=sys.argv[3]) as session:\n"
            "    found = session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY})\n"
            "    print(*(one[pkcs11.Attribute.LABEL] + '\\n' for one in found), sep='', end='')\n"
        )
        command = (sys.executable, "-c", program, str(module()), label, pin)
        return sorted(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())

    def faulting(self, place: TokenLocation) -> tuple[TokenLocation, Path]:
        """Return the token behind a module that fails, and the folder of its faults (token_shim.c)."""
        shim, faults = self.folder / "shim.so", self.folder / "faults"
        faults.mkdir()
        source = Path(__file__).with_name("token_shim.c")
        subprocess.run(("cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", shim, source, "-ldl"), check=True)
        shim.chmod(0o755)
        self.monkeypatch.setenv("SINETTI_SHIM_MODULE", str(place.module))
        self.monkeypatch.setenv("SINETTI_SHIM_FAULTS", str(faults))
        return replace(place, module=shim), faults


@pytest.fixture
def soft_tokens(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> SoftTokens:
    """Return an empty set of tokens, which processes started from now on use."""
    tokens = SoftTokens(tmp_path_factory.mktemp("soft-tokens"), monkeypatch)
    tokens.tokens.mkdir()
    text = f"directories.tokendir = {tokens.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    (tokens.folder / "softhsm2.conf").write_text(text)
    monkeypatch.setenv("SOFTHSM2_CONF", str(tokens.folder / "softhsm2.conf"))
    return tokens
