"""Options of commands that create keys in a PKCS#11 token."""

import argparse
from pathlib import Path
from typing import TypedDict

from sinetti.cli.authority.common import OptionError


class TokenSettings(TypedDict, total=False):
    """Settings of `authority.toml` about the token."""

    pkcs11_module: str
    pkcs11_token: str
    pkcs11_pin_file: str


def add_token_options(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add the three options that locate a token."""
    parser.add_argument(
        "--pkcs11-module",
        metavar="FILE",
        type=Path,
        required=required,
        help="PKCS#11 library of the token that creates and keeps the keys of the service",
    )
    parser.add_argument("--pkcs11-token", metavar="LABEL", required=required, help="label of the token")
    parser.add_argument(
        "--pkcs11-pin-file",
        metavar="FILE",
        type=Path,
        required=required,
        help="file with the PIN of the token's user, outside DIR and readable only by its owner",
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
