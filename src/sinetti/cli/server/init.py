"""`sinetti authority init`: found an authority in a new folder."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sinetti.ca.hierarchy import PRESETS, load_preset
from sinetti.cli.server.common import OptionError, add_dir, command
from sinetti.clock import machine_now
from sinetti.domain.values import Environment
from sinetti.settings.authority import SOAP_PATH, ResponseRecipe, Settings, SettingsError, check_address
from sinetti.settings.folder import FolderKind
from sinetti.wiring import Founding, found

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

EXAMPLE = (
    "sinetti authority init --dir /srv/sinetti --environment TEST --base-url http://pki.example "
    "--soap-url https://certificates.example"
)


def register(commands: "Commands") -> None:
    """Add the command to the parser."""
    parser = command(commands, "init", "found an authority: keys, CA certificates and an empty register", _run, EXAMPLE)
    add_dir(parser)
    parser.add_argument("--environment", choices=[one.value for one in Environment], required=True)
    parser.add_argument("--hierarchy", metavar="FILE", type=Path, help="names, keys and lifetimes of the CAs (TOML)")
    parser.add_argument(
        "--preset", choices=PRESETS, default="default", help="one that comes along (default: %(default)s)"
    )
    parser.add_argument("--base-url", required=True, metavar="URL", help="plain http; stands in every certificate")
    parser.add_argument("--soap-url", required=True, metavar="URL", help="where programs send their requests")
    parser.add_argument("--response-recipe", choices=[one.value for one in ResponseRecipe], default="exclusive")
    parser.add_argument("--database-url", default="", metavar="URL", help="postgresql://… (default: SQLite in DIR)")
    parser.add_argument("--journal", default="", metavar="DIR", help="folder of the journals (default: DIR-journal)")


def _run(parsed: argparse.Namespace) -> int:
    soap_url = _address("--soap-url", parsed.soap_url, "https", "http")
    settings = Settings(
        environment=Environment(parsed.environment),
        base_url=_address("--base-url", parsed.base_url, "http"),
        soap_address=soap_url if soap_url.endswith(SOAP_PATH) else soap_url + SOAP_PATH,
        response_recipe=ResponseRecipe(parsed.response_recipe),
        database_url=parsed.database_url,
        journal=str(Path(parsed.journal).resolve()) if parsed.journal else "",
    )
    text = _hierarchy(parsed.hierarchy) if parsed.hierarchy else load_preset(parsed.preset)
    found(parsed.dir.resolve(), Founding(FolderKind.AUTHORITY, text, settings, machine_now()))
    print(f"Founded in {parsed.dir}. Bundles for those who rely on it: {parsed.dir}/trust/", file=sys.stderr)
    print("Have its journals copied off this machine as they grow (docs/journal.md).", file=sys.stderr)
    print(f"Keep a copy of {parsed.dir} in a safe place: keys and passphrase are nowhere else.", file=sys.stderr)
    print(f"Next: sinetti authority serve --dir {parsed.dir}", file=sys.stderr)
    return 0


def _address(option: str, value: str, *schemes: str) -> str:
    try:
        return check_address(option, value, schemes)
    except SettingsError as bad:
        raise OptionError(str(bad)) from None


def _hierarchy(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as bad:
        sentence = f"--hierarchy: {path} cannot be read: {bad.strerror}"
        raise OptionError(sentence) from bad
    except UnicodeDecodeError as bad:
        sentence = f"--hierarchy: {path} is not UTF-8: save it as such"
        raise OptionError(sentence) from bad
