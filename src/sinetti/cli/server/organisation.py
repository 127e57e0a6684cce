"""`sinetti authority organisation …`: who certificates are issued to, and for which channels."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from sinetti.actions.register_organisation import approve, close, register_organisation, withdraw
from sinetti.cli.server.common import OPERATOR, add_dir, command, opened, request_id
from sinetti.domain.customers import CustomerIdError
from sinetti.domain.values import Channel, CustomerKind, Language
from sinetti.domain.words import LONGEST_ORGANISATION, check_country, check_text
from sinetti.registry.parties import NewOrganisation

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

_CHANNELS = [one.value for one in Channel]


def register(commands: "Commands") -> None:
    """Add the commands to the parser."""
    parser = commands.add_parser("organisation", help="add, approve, withdraw or close an organisation")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = _verb(
        verbs, "add", "add an organisation, approved for channels", _add, "--kind business-id --name 'Malli Oy'"
    )
    add.add_argument("--kind", choices=[one.value for one in CustomerKind], required=True, help="what its id is")
    add.add_argument("--name", required=True)
    add.add_argument("--country", default="FI", metavar="CC")
    add.add_argument("--language", choices=[one.value for one in Language], default=Language.FI.value)
    add.add_argument("--channel", choices=_CHANNELS, action="append", help="may be given twice (default: WS)")
    approving = _verb(verbs, "approve", "approve an organisation for a channel", _approve, "--channel SFTP")
    withdrawing = _verb(
        verbs, "withdraw", "withdraw a channel: nothing more is issued for it", _withdraw, "--channel SFTP"
    )
    for one in (approving, withdrawing):
        one.add_argument("--channel", choices=_CHANNELS, required=True)
    _verb(verbs, "close", "close an organisation: nothing more is issued to it", _close, "")


def _verb(
    verbs: "Commands", name: str, summary: str, run: Callable[[argparse.Namespace], int], rest: str
) -> argparse.ArgumentParser:
    example = f"sinetti authority organisation {name} --dir /srv/sinetti --customer-id 1234567-1 {rest}"
    parser = command(verbs, name, summary, run, example.rstrip())
    add_dir(parser)
    parser.add_argument("--customer-id", required=True, metavar="ID")
    return parser


def _add(parsed: argparse.Namespace) -> int:
    new = NewOrganisation(
        parsed.customer_id,
        CustomerKind(parsed.kind),
        check_country("--country", parsed.country),
        check_text("--name", parsed.name, LONGEST_ORGANISATION),
        Language(parsed.language),
        frozenset(Channel(channel) for channel in parsed.channel or [Channel.WS]),
    )
    with opened(parsed.dir) as authority:
        added = register_organisation(new, authority.office, OPERATOR, request_id())
    if added is None:
        sentence = f"an organisation with the id {parsed.customer_id} is registered already"
        raise CustomerIdError(sentence)
    print(f"Added {added.customer_id}, approved for {', '.join(sorted(added.channels))}.", file=sys.stderr)
    return 0


def _approve(parsed: argparse.Namespace) -> int:
    with opened(parsed.dir) as authority:
        channels = frozenset({Channel(parsed.channel)})
        return _told(parsed, approve(parsed.customer_id, channels, authority.office, OPERATOR, request_id()))


def _withdraw(parsed: argparse.Namespace) -> int:
    with opened(parsed.dir) as authority:
        channel = Channel(parsed.channel)
        return _told(parsed, withdraw(parsed.customer_id, channel, authority.office, OPERATOR, request_id()))


def _close(parsed: argparse.Namespace) -> int:
    with opened(parsed.dir) as authority:
        return _told(parsed, close(parsed.customer_id, authority.office, OPERATOR, request_id()))


def _told(parsed: argparse.Namespace, known: bool) -> int:  # noqa: FBT001 - the answer of an action, handed on
    if not known:
        sentence = f"no organisation has the id {parsed.customer_id}"
        raise CustomerIdError(sentence)
    print("Done.", file=sys.stderr)
    return 0
