"""`sinetti ceremony plan` and `run`: write a plan to review, and carry it out."""

import argparse
from pathlib import Path

from sinetti.authority.ceremony import RESULT_SET, TRANSCRIPT, Ceremony
from sinetti.authority.data_directory import FolderError
from sinetti.ca.ceremony.plan import default_plan, parse_plan
from sinetti.ca.ceremony.sets import CeremonyKind, parse_request_set
from sinetti.ca.hierarchy_config import PRESETS, load_preset, parse_hierarchy, with_policy_arc, with_standby
from sinetti.cli.ceremony.desk import TerminalDesk, command
from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.console import LANGUAGE_HELP, language_of_locale
from sinetti.cli.core.invocation import print_note
from sinetti.domain.values import Environment, Language
from sinetti.infra.clock import utc_now

_PLAN = "sinetti ceremony plan --kind founding --environment TEST --base-url http://pki.example > plan.toml"
_RUN = "sinetti ceremony run plan.toml --medium /media/vault/sinetti --exchange /media/carried"

_DONE = """\
The ceremony is complete. Carry {result} to the online machine, with its words on paper.
Copy the medium to its second disk (cp -a), and keep {transcript}, its signatures and the printed protocol."""
_NO_REQUEST = "--request-set is missing: the kinds certify and revoke take their CAs from it"
_REHEARSED = "The rehearsal is complete, and its keys are destroyed. Destroy the sheets that were written."


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    plan = command(commands, "plan", "print a plan to review and change", _plan, _PLAN)
    plan.add_argument("--kind", choices=common.choices(CeremonyKind), required=True, help="what the ceremony makes")
    plan.add_argument("--environment", choices=common.choices(Environment), required=True, help="TEST or PRODUCTION")
    plan.add_argument(
        "--hierarchy",
        metavar="FILE|PRESET",
        default="default",
        help=f"CAs of a founding: a TOML file, or {', '.join(PRESETS)} (default: %(default)s)",
    )
    plan.add_argument("--policy-arc", metavar="OID", help="OID above the policies of the CAs, as init --policy-arc")
    plan.add_argument("--standby", action="store_true", help="with a standby for each issuing CA, as init --standby")
    plan.add_argument("--base-url", metavar="URL", help="address of CA certificates and CRLs, for a founding")
    plan.add_argument(
        "--request-set", metavar="FILE", type=Path, help="request set whose CAs the plan names, for certify and revoke"
    )
    plan.add_argument("--debug", action="store_true", help="show the stack trace of an internal error")
    run = command(commands, "run", "carry out a plan, step by step; the same command continues it", _run, _RUN)
    run.add_argument("plan", metavar="PLAN", type=Path, help="plan that was reviewed (TOML)")
    run.add_argument(
        "--medium", metavar="DIR2", type=Path, required=True, help="folder of the offline keys, on a disk of its own"
    )
    run.add_argument(
        "--exchange",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="folder that is carried: it has request-set.json, and gets result set and transcript",
    )
    run.add_argument(
        "--rehearse", action="store_true", help="play the founding with throw-away keys, in a folder below FOLDER"
    )
    run.add_argument("--lang", choices=common.choices(Language), help=LANGUAGE_HELP)
    run.add_argument("--debug", action="store_true", help="show the stack trace of an internal error")


def _plan(parsed: argparse.Namespace) -> int:
    kind = CeremonyKind(parsed.kind)
    if kind is CeremonyKind.FOUNDING and parsed.base_url is None:
        raise FolderError("--base-url is missing: a founding needs the address of CA certificates and CRLs")
    request = parse_request_set(common.read_file(parsed.request_set)) if parsed.request_set else None
    if (kind in {CeremonyKind.CERTIFY, CeremonyKind.REVOKE}) is not (request is not None and request.kind is kind):
        sentence = f"--request-set: name the request set of this kind for certify and revoke alone, not for {kind}"
        raise FolderError(sentence if request is not None else _NO_REQUEST)
    named = parsed.hierarchy
    text = load_preset(named) if named in PRESETS else common.read_file(Path(named)).decode("utf-8", "replace")
    environment = Environment(parsed.environment)
    text = with_policy_arc(with_standby(text) if parsed.standby else text, environment, parsed.policy_arc)
    if kind is CeremonyKind.FOUNDING:
        parse_hierarchy(text, environment, parsed.base_url)
    plan = default_plan(kind, environment, utc_now(), (text, parsed.base_url or ""), request)
    output.print_line(plan.rstrip("\n"))
    return 0


def _run(parsed: argparse.Namespace) -> int:
    language = Language(parsed.lang) if parsed.lang else language_of_locale()
    Ceremony(
        parse_plan(common.read_file(parsed.plan)),
        parsed.medium.absolute(),
        parsed.exchange.absolute(),
        TerminalDesk(),
        utc_now,
        language,
        parsed.rehearse,
    ).run()
    note = _REHEARSED if parsed.rehearse else _DONE
    print_note(note.format(result=parsed.exchange / RESULT_SET, transcript=TRANSCRIPT))
    return 0
