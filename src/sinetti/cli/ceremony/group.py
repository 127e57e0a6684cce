"""`sinetti ceremony …`: ceremonies with the keys of root and intermediate CAs."""

import hashlib
from pathlib import Path

from sinetti.authority.ceremony import RESULT_SET, TRANSCRIPT, Ceremony, CeremonyInterrupted
from sinetti.authority.data_directory import FolderError
from sinetti.ca.ceremony.plan import default_plan, parse_plan
from sinetti.ca.ceremony.sets import CeremonyKind, parse_request_set
from sinetti.ca.ceremony.shares import parse_share
from sinetti.ca.ceremony.transcript import check_signature, parse_transcript, printed
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.hierarchy_config import PRESETS, load_preset, parse_hierarchy, with_policy_arc, with_standby
from sinetti.cli.ceremony.desk import EXIT_CODES, TerminalDesk, ceremony_commands
from sinetti.cli.client.common import read_file
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.commands import DEBUG, argument, flag, option
from sinetti.cli.core.console import LANGUAGE_HELP, language_of_locale
from sinetti.domain.values import Environment, Language
from sinetti.infra.clock import utc_now

_PLAN = "sinetti ceremony plan --kind founding --environment TEST --base-url http://pki.example > plan.toml"
_RUN = "sinetti ceremony run plan.toml --medium /media/vault/sinetti --exchange /media/carried"
_SHARES, _VERIFY = "sinetti ceremony shares verify", "sinetti ceremony verify /media/carried/transcript.json"

_DONE = """\
The ceremony is complete. Carry {result} to the online machine, with its words on paper.
Copy the medium to its second disk (cp -a), and keep {transcript}, its signatures and the printed protocol."""
_NO_REQUEST = "--request-set is missing: the kinds certify and revoke take their CAs from it"
_REHEARSED = "The rehearsal is complete, and its keys are destroyed. Destroy the sheets that were written."

_LANGUAGE = option(None, LANGUAGE_HELP)

verbs, sheets, transcripts = ceremony_commands(), ceremony_commands(), ceremony_commands()


def register(subparsers: Commands) -> None:
    """Add the commands to the parser."""
    parser = subparsers.add_parser(
        "ceremony",
        help="make and use the keys of a root CA on a machine without network",
        description="Runs ceremonies with offline keys, on a machine without network and database.",
        epilog=f"examples:\n  {_PLAN}\n  {_RUN}",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verbs.register(commands)
    shares = commands.add_parser(
        "shares",
        help="check a custodian's sheet",
        description="Checks a custodian's sheet, without the medium.",
        epilog=f"example:\n  {_SHARES}",
    )
    sheets.register(shares.add_subparsers(title="commands", metavar="COMMAND", required=True))
    transcripts.register(commands)


@verbs.command(f"{_PLAN}\n{EXIT_CODES}", also=[DEBUG])
def plan(
    *,
    kind: CeremonyKind = option(None, "what the ceremony makes"),
    environment: Environment = option(None, "TEST or PRODUCTION"),
    hierarchy: str = option(
        "FILE|PRESET",
        f"CAs of a founding: a TOML file, or {', '.join(PRESETS)} (default: %(default)s)",
        default="default",
    ),
    policy_arc: str | None = option("OID", "OID above the policies of the CAs, as init --policy-arc"),
    standby: bool = flag("with a standby for each issuing CA, as init --standby"),
    base_url: str | None = option("URL", "address of CA certificates and CRLs, for a founding"),
    request_set: Path | None = option("FILE", "request set whose CAs the plan names, for certify and revoke"),
) -> None:
    """Print a plan to review and change."""
    if kind is CeremonyKind.FOUNDING and base_url is None:
        raise FolderError("--base-url is missing: a founding needs the address of CA certificates and CRLs")
    request = parse_request_set(read_file(request_set)) if request_set else None
    if (kind in {CeremonyKind.CERTIFY, CeremonyKind.REVOKE}) is not (request is not None and request.kind is kind):
        sentence = f"--request-set: name the request set of this kind for certify and revoke alone, not for {kind}"
        raise FolderError(sentence if request is not None else _NO_REQUEST)
    text = load_preset(hierarchy) if hierarchy in PRESETS else read_file(Path(hierarchy)).decode("utf-8", "replace")
    text = with_policy_arc(with_standby(text) if standby else text, environment, policy_arc)
    if kind is CeremonyKind.FOUNDING:
        parse_hierarchy(text, environment, base_url)
    output.print_line(default_plan(kind, environment, utc_now(), (text, base_url or ""), request).rstrip("\n"))


@verbs.command(f"{_RUN}\n{EXIT_CODES}", also=[DEBUG])
def run(
    *,
    medium: Path = option("DIR2", "folder of the offline keys, on a disk of its own"),
    exchange: Path = option(
        "FOLDER", "folder that is carried: it has request-set.json, and gets result set and transcript"
    ),
    rehearse: bool = flag("play the founding with throw-away keys, in a folder below FOLDER"),
    lang: Language | None = _LANGUAGE,
    plan: Path = argument("PLAN", "plan that was reviewed (TOML)"),
) -> str:
    """Carry out a plan, step by step; the same command continues it."""
    Ceremony(
        parse_plan(read_file(plan)),
        medium.absolute(),
        exchange.absolute(),
        TerminalDesk(),
        utc_now,
        lang or language_of_locale(),
        rehearse,
    ).run()
    return _REHEARSED if rehearse else _DONE.format(result=exchange / RESULT_SET, transcript=TRANSCRIPT)


@sheets.command(f"{_SHARES}\n{EXIT_CODES}", name="verify", also=[DEBUG])
def verify_share() -> str:
    """Check the words and the checksum of one sheet."""
    try:
        share = parse_share(TerminalDesk().ask("Type the sheet in one line: ", is_secret=True))
    except EOFError:
        raise CeremonyInterrupted("no sheet was typed: run the command again, and type the sheet in one line") from None
    return f"The sheet {share.pair} {share.holder} of the medium {share.medium} is as it was written."


@transcripts.command(f"{_VERIFY}\n{EXIT_CODES}", also=[DEBUG])
def verify(
    *,
    lang: Language | None = _LANGUAGE,
    file: Path = argument("FILE", "transcript; NAME.sig of each person is beside it"),
) -> None:
    """Check the signatures of a transcript, and print it as a protocol."""
    transcript = parse_transcript(read_file(file))
    for person in transcript.present:
        path = file.with_name(f"{person.name}.sig")
        if not path.is_file():
            raise CeremonyError(f"{path} is missing: it is the signature of {person.name}")
        check_signature(transcript, person, path.read_bytes())
    sha256 = hashlib.sha256(transcript.octets).hexdigest()
    output.print_line(printed(transcript, sha256, lang or language_of_locale()).rstrip("\n"))
