"""Options of `init` about the authority's pages and mail.

Their values go into its settings and into DIR/deploy.
"""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from sinetti.authority.deployment import PROGRAM, Deployment, MailRoute, check_deployment
from sinetti.cli.authority.common import OptionError, octets_of
from sinetti.infra.toml_tables import SettingsError
from sinetti.settings.authority import AuthoritySettings


def add_deployment_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; all of them, or none."""
    parser.add_argument(
        "--people-address",
        metavar="URL",
        help="address of the e-service (https); needs --mail-server, --operator-email",
    )
    parser.add_argument(
        "--mail-server",
        metavar="URL",
        help="mail server: smtps://NAME@HOST, smtp+starttls://NAME@HOST, or smtp:// on this machine",
    )
    parser.add_argument(
        "--mail-password-file", metavar="FILE", type=Path, help="file with the password of the mail server's NAME"
    )
    parser.add_argument(
        "--operator-email",
        metavar="EMAIL",
        help="mail address of the operators: sender of messages, and the help's address",
    )


def deployment_of(parsed: argparse.Namespace, settings: AuthoritySettings) -> Deployment:
    """Return the authority's surroundings. Raises OptionError for bad options."""
    given = (parsed.people_address, parsed.mail_server, parsed.operator_email)
    if any(given) and not all(given):
        raise OptionError("--people-address, --mail-server and --operator-email belong together: pages send messages")
    if parsed.mail_password_file is not None and not any(given):
        raise OptionError("--mail-password-file needs --mail-server")
    password = None
    if parsed.mail_password_file is not None:
        password = octets_of("--mail-password-file", parsed.mail_password_file).strip()
    known = Deployment(
        parsed.dir.resolve(),
        settings.soap_address,
        settings.base_url,
        parsed.people_address,
        _mail(parsed, password) if all(given) else None,
        _program(),
    )
    try:
        check_deployment(known)
    except SettingsError as bad:
        raise OptionError(f"--people-address, --mail-server, --operator-email: {bad}") from None
    return known


def _mail(parsed: argparse.Namespace, password: bytes | None) -> MailRoute:
    if ":" in urlsplit(parsed.mail_server).netloc.rpartition("@")[0]:
        # Other users of the machine can read the words of a command.
        raise OptionError("--mail-server: leave the password out, and name its file with --mail-password-file")
    return MailRoute(parsed.mail_server, parsed.operator_email, password)


def _program() -> str:
    """Return the command that runs now, or the usual one if a module runs."""
    path = Path(sys.argv[0])
    return str(path.absolute()) if path.name == "sinetti" else PROGRAM
