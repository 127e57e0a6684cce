"""Options of commands that create keys in a PKCS#11 token."""

import argparse
from pathlib import Path
from typing import TypedDict

from sinetti.cli.authority.common import OptionError
from sinetti.cli.core.commands import Spec, option
from sinetti.pki.signers.pkcs11_uri import TokenLocation


class TokenSettings(TypedDict, total=False):
    """Settings of `authority.toml` about the token."""

    pkcs11_module: str
    pkcs11_token: str
    pkcs11_pin_file: str


def token_options(*, required: bool = False) -> tuple[Spec, ...]:
    """Return the three options that locate a token."""
    module = "PKCS#11 library of the token that creates and keeps the keys of the service"
    pin_file = "file with the PIN of the token's user, outside DIR and readable only by its owner"
    return (
        option("FILE", module, name="--pkcs11-module", type=Path, required=required),
        option("LABEL", "label of the token", name="--pkcs11-token", required=required),
        option("FILE", pin_file, name="--pkcs11-pin-file", type=Path, required=required),
    )


def token_settings(parsed: argparse.Namespace) -> TokenSettings:
    """Return the settings of the token that the options name; none without them.

    Raises OptionError if only some are given, or if the PIN would be in the authority's folder.
    """
    given = (parsed.pkcs11_module, parsed.pkcs11_token, parsed.pkcs11_pin_file)
    if not any(given):
        return {}
    if not all(given):
        raise OptionError("--pkcs11-module, --pkcs11-token and --pkcs11-pin-file belong together: give all three")
    pin_file = parsed.pkcs11_pin_file.resolve()
    if pin_file.is_relative_to(parsed.dir.resolve()):
        raise OptionError(
            f"--pkcs11-pin-file: {pin_file} is in {parsed.dir}, of which copies are made: choose another place"
        )
    return {
        "pkcs11_module": str(parsed.pkcs11_module.absolute()),
        "pkcs11_token": parsed.pkcs11_token,
        "pkcs11_pin_file": str(parsed.pkcs11_pin_file.absolute()),
    }


def token_location(parsed: argparse.Namespace) -> TokenLocation | None:
    """Return the token that the options name; None without them.

    Raises OptionError as `token_settings`.
    """
    settings = token_settings(parsed)
    if not settings:
        return None
    return TokenLocation(Path(settings["pkcs11_module"]), settings["pkcs11_token"], Path(settings["pkcs11_pin_file"]))
