"""`sinetti authority init`: create an authority in a new folder."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from sinetti.authority.ceremony_requests import begin_founding
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, journal_folder
from sinetti.authority.deployment import PROGRAM, Deployment, MailRoute, check_deployment, write_deployment
from sinetti.authority.initialise import InitOptions, initialise
from sinetti.authority.passphrases import read_or_create
from sinetti.ca.ceremony.sets import RequestSet
from sinetti.ca.hierarchy_config import PRESETS, load_preset, with_policy_arc, with_standby
from sinetti.ca.hierarchy_model import HierarchyError
from sinetti.cli.authority.common import AuthorityRun, OptionError, machine_user, octets_of, operator_commands
from sinetti.cli.authority.import_signed import request_set_option, write_request
from sinetti.cli.authority.passphrase_options import offline_keys, offline_options
from sinetti.cli.authority.token_options import token_options, token_settings
from sinetti.cli.core.commands import flag, option
from sinetti.cli.core.invocation import print_note
from sinetti.domain.approvals.acts import OfficerRole
from sinetti.domain.values import Environment
from sinetti.infra.clock import utc_now
from sinetti.infra.toml_tables import SettingsError
from sinetti.services.approvals.officers import CheckedOfficer, NewOfficer, check_founders, check_officer
from sinetti.settings.authority import SOAP_PATH, AuthoritySettings, ResponseRecipe, check_base_url, check_soap_address

commands = operator_commands()
register = commands.register

_NEXT = """\
Authority created in {dir}. Trust files for relying services: {dir}/trust/
Keep a copy of {dir} in a safe place. {only}
{secrets}
Copy the journals in {journal} to another machine as they grow (docs/operators/journal.md).
nginx, HAProxy and units for this authority: {dir}/deploy/ (deploy/README.md).
Next:
{moves}  sinetti authority organisation add --dir {dir} --customer-id ID --kind KIND --name NAME
  sinetti authority order --dir {dir} --customer-id ID --contact-name NAME --contact-email ADDRESS
  sinetti authority serve --dir {dir}{opened}"""

_ONE_MACHINE = """\
Warning: the root key was made on this machine, which has a network and a database. For PRODUCTION, make it in a
ceremony on another machine instead: init --request-set FILE (docs/operators/ceremony.md)."""

_MOVE_KEYS = "  sinetti authority offline --dir {dir} --offline-dir DIR2{opened}\n"
_MOVE_WHAT_OPENS_THEM = "  sinetti authority passphrase --dir {dir} --to FILE\n"


@commands.command(
    "sinetti authority init --dir /srv/sinetti --environment TEST --base-url http://pki.example "
    "--soap-url https://certificates.example",
    also=[
        option(
            None,
            "environment of the authority",
            name="--environment",
            choices=[environment.value for environment in Environment],
            required=True,
        ),
        option(
            "FILE|PRESET",
            f"names, keys and lifetimes of the CAs: a TOML file, or {', '.join(PRESETS)} (default: %(default)s)",
            name="--hierarchy",
            default="default",
        ),
        option(
            "OID",
            "OID of your own, above the policies of the CAs (PRODUCTION, unless the FILE has policy_arc)",
            name="--policy-arc",
        ),
        flag("make a standby for each issuing CA, for the day when its key is lost", name="--standby"),
        option("LABEL", "label of another token of the module, for the keys of the standbys", name="--standby-token"),
        option("URL", "address of CA certificates and CRLs (http)", name="--base-url", required=True),
        option("URL", "address for requests of programs", name="--soap-url", required=True),
        option(
            None,
            "transforms of response signatures (default: %(default)s)",
            name="--response-recipe",
            choices=[recipe.value for recipe in ResponseRecipe],
            default="exclusive",
        ),
        option("URL", "database, such as postgresql://… (default: SQLite in DIR)", name="--database-url", default=""),
        option(
            "FILE",
            "file with the pass-phrase of the keys, outside DIR; created if missing (default: in DIR, TEST only; with "
            "a token: none)",
            name="--passphrase-file",
            type=Path,
        ),
        *offline_options(new=True),
        option(
            "NAME=FILE",
            "officer who approves acts that take two people, with an OpenSSH public key (repeatable; PRODUCTION: "
            "three or more)",
            name="--officer",
            action="append",
            default=[],
        ),
        *token_options(),
        option(
            "URL",
            "address of the e-service (https); needs --mail-server, --operator-email",
            name="--people-address",
        ),
        option(
            "URL",
            "mail server: smtps://NAME@HOST, smtp+starttls://NAME@HOST, or smtp:// on this machine",
            name="--mail-server",
        ),
        option("FILE", "file with the password of the mail server's NAME", name="--mail-password-file", type=Path),
        option(
            "EMAIL",
            "mail address of the operators: sender of messages, and the help's address",
            name="--operator-email",
        ),
        request_set_option("for a ceremony that makes the CA certificates on another machine"),
        option("DIR", "folder of the journals (default: DIR-journal)", name="--journal", default=""),
    ],
)
def init(run: AuthorityRun) -> None:
    """Create an authority: keys, CA certificates and an empty register."""
    parsed = run.parsed
    soap_url = _address(check_soap_address, "--soap-url", parsed.soap_url)
    settings = AuthoritySettings(
        environment=Environment(parsed.environment),
        base_url=_address(check_base_url, "--base-url", parsed.base_url),
        soap_address=soap_url if soap_url.endswith(SOAP_PATH) else soap_url + SOAP_PATH,
        response_recipe=ResponseRecipe(parsed.response_recipe),
        database_url=parsed.database_url,
        journal=str(Path(parsed.journal).resolve()) if parsed.journal else "",
        **token_settings(parsed),
    )
    text = with_policy_arc(_hierarchy(parsed.hierarchy), settings.environment, parsed.policy_arc)
    text = _with_standby(parsed, text)
    journal = _journal(parsed.dir, settings)
    with _new_files_removed(parsed):
        request = _create(parsed, _founding(parsed, text, settings))
    if request is not None:
        write_request(parsed.request_set, request, parsed.dir)
        return
    print_note(_result_message(parsed, journal))
    if settings.environment is Environment.PRODUCTION:
        print_note(_ONE_MACHINE)


def _create(parsed: argparse.Namespace, founding: InitOptions) -> RequestSet | None:
    """Create the authority, or return the request of one that awaits a ceremony."""
    try:
        if parsed.request_set is not None:
            return begin_founding(parsed.dir.resolve(), founding)
        initialise(parsed.dir.resolve(), founding)
    except HierarchyError as bad:
        raise OptionError(f"--hierarchy {parsed.hierarchy}: {bad}") from None
    except SettingsError:
        # Only the database's URL is checked this late. The message does not repeat it, because it has a password.
        raise OptionError(
            "the database address must be postgresql://USER:PASSWORD@HOST/NAME or sqlite:////PATH"
        ) from None
    return None


@contextmanager
def _new_files_removed(parsed: argparse.Namespace) -> Iterator[None]:
    """Remove the files of pass-phrases that a refused `init` has created.

    After an interruption the same command completes the authority, so a folder with a name keeps them.
    """
    named = {parsed.passphrase_file, parsed.offline_passphrase_file} - {None, "-"}
    created = [path for path in map(Path, named) if not path.exists()]
    try:
        yield
    except BaseException:
        folder = DataDirectory(parsed.dir.resolve())
        if not folder.is_partially_initialised() and not folder.kind.exists():
            for path in created:
                path.unlink(missing_ok=True)
        raise


def _result_message(parsed: argparse.Namespace, journal: Path) -> str:
    """Return the text that says what was created and what comes next.

    For PRODUCTION, it also says what has to be moved before the authority is served.
    """
    production = Environment(parsed.environment) is Environment.PRODUCTION
    opened = f" --passphrase-file {parsed.passphrase_file}" if parsed.passphrase_file else ""
    moves = ""
    if production and not parsed.offline_dir:
        moves += _MOVE_KEYS.format(dir=parsed.dir, opened=opened)
    if production and not parsed.passphrase_file and not parsed.pkcs11_token:
        moves += _MOVE_WHAT_OPENS_THEM.format(dir=parsed.dir)
        opened = " --passphrase-file FILE"
    only = "Its files exist only there." if parsed.pkcs11_token else "Its keys exist only there."
    known = {"dir": parsed.dir, "journal": journal, "only": only, "secrets": _secrets(parsed)}
    return _NEXT.format(**known, moves=moves, opened=opened)


def _founding(parsed: argparse.Namespace, text: str, settings: AuthoritySettings) -> InitOptions:
    root, named = parsed.dir.resolve(), parsed.passphrase_file
    if parsed.request_set is not None and parsed.offline_dir is not None:
        raise OptionError(
            "--request-set and --offline-dir exclude each other: a ceremony makes the offline keys elsewhere"
        )
    if parsed.offline_passphrase_file is not None and parsed.offline_dir is None:
        raise OptionError("--offline-passphrase-file needs --offline-dir")
    # Checked before the file of the pass-phrase is created.
    known = _deployment(parsed, settings)
    officers = tuple(_officer(one, settings) for one in parsed.officer)
    check_founders(officers, settings.environment)
    passphrase = read_or_create(named, DataDirectory(root)) if named else None
    offline = offline_keys(parsed, new=True) if parsed.offline_dir else None
    if offline is not None and offline.passphrase == passphrase:
        raise OptionError("the offline keys need a pass-phrase of their own, other than that of the keys in DIR")
    return InitOptions(
        DirectoryKind.AUTHORITY,
        text,
        settings,
        utc_now(),
        also=lambda new: write_deployment(new, known),
        passphrase=passphrase,
        offline=offline,
        officers=officers,
        actor=machine_user(),
    )


def _officer(named: str, settings: AuthoritySettings) -> CheckedOfficer:
    """Return the officer of one option NAME=FILE."""
    name, equals, path = named.partition("=")
    if not equals or not path:
        raise OptionError(f"--officer {named}: write NAME=FILE, with the public key file of the officer")
    new = NewOfficer(name, OfficerRole.APPROVER, octets_of("--officer", Path(path)))
    return check_officer(new, settings.policy)


def _secrets(parsed: argparse.Namespace) -> str:
    """Return the places of keys and pass-phrases, and what is to be done with them."""
    production = Environment(parsed.environment) is Environment.PRODUCTION
    lines = []
    so_far = "PRODUCTION cannot be served like this" if production else "for TEST"
    if parsed.pkcs11_token:
        lines.append(f"The service's keys are in the token {parsed.pkcs11_token}. Copy it (docs/operators/tokens.md).")
    if parsed.passphrase_file:
        lines.append(f"Its pass-phrase is in {parsed.passphrase_file}. Keep a copy of that file in another place.")
    elif parsed.pkcs11_token:
        lines.append("The token alone opens the secret keys in secrets/keys.json (docs/operators/keys.md).")
    else:
        lines.append(
            f"Their pass-phrase is in the same folder and does not protect them: {so_far} (docs/operators/keys.md)."
        )
    if parsed.offline_dir:
        named = parsed.offline_passphrase_file
        opens = (
            f" Their pass-phrase is in {named}. Keep a copy of it in another place." if named not in (None, "-") else ""
        )
        lines.append(
            f"The keys of root and intermediate CAs are in {parsed.offline_dir}. Copy it, and store it offline.{opens}"
        )
    return "\n".join(lines)


def _journal(root: Path, settings: AuthoritySettings) -> Path:
    try:
        return journal_folder(DataDirectory(root), DirectoryKind.AUTHORITY, settings)
    except SettingsError as bad:
        raise OptionError(f"--journal: {bad}") from None


def _address(check: Callable[[str, str], str], option: str, value: str) -> str:
    try:
        return check(option, value)
    except SettingsError as bad:
        raise OptionError(str(bad)) from None


def _with_standby(parsed: argparse.Namespace, text: str) -> str:
    """Return the hierarchy with standbys, if they are asked for. Raises OptionError."""
    if parsed.standby_token is not None and not (parsed.standby and parsed.pkcs11_token):
        raise OptionError(
            "--standby-token needs --standby and --pkcs11-token: it names another token of the same module"
        )
    token = f"pkcs11:token={quote(parsed.standby_token, safe='')}" if parsed.standby_token else ""
    return with_standby(text, token) if parsed.standby else text


def _hierarchy(named: str) -> str:
    """Return the TOML of a preset or of a file; the name of a preset goes first."""
    if named in PRESETS:
        return load_preset(named)
    path = Path(named)
    if not path.exists():
        presets = ", ".join(PRESETS)
        raise OptionError(
            f"--hierarchy: there is no file and no preset {named}: write the path of a file, or one of {presets}"
        )
    try:
        return octets_of("--hierarchy", path).decode("utf-8")
    except UnicodeDecodeError as bad:
        raise OptionError(f"--hierarchy: {path} is not UTF-8: save it as such") from bad


def _deployment(parsed: argparse.Namespace, settings: AuthoritySettings) -> Deployment:
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
