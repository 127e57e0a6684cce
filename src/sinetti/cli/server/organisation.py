"""`sinetti authority organisation …`: who certificates are issued to, and for which channels."""

import argparse
import sys
from typing import TYPE_CHECKING

from sinetti.actions.register_organisation import approve, close, register_organisation, withdraw
from sinetti.cli.server.common import OPERATOR, add_dir, command, opened, request_id
from sinetti.domain.customers import CustomerIdError
from sinetti.domain.values import Channel, CustomerKind, Language
from sinetti.registry.parties import NewOrganisation

if TYPE_CHECKING:
    from sinetti.cli.common import Commands

_CHANNELS = [one.value for one in Channel]


def register(commands: "Commands") -> None:
    """Add the commands to the parser."""
    parser = commands.add_parser("organisation", help="add, approve, withdraw or close an organisation")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    example = "sinetti authority organisation add --dir /srv/sinetti --customer-id 1234567-1 --kind business-id --name 'Malli Oy'"
    add = command(verbs, "add", "add an organisation, approved for channels", _add, example)
    add_dir(add)
    add.add_argument("--customer-id", required=True, metavar="ID")
    add.add_argument("--kind", choices=[one.value for one in CustomerKind], required=True, help="what its id is")
    add.add_argument("--name", required=True)
    add.add_argument("--country", default="FI", metavar="CC")
    add.add_argument("--language", choices=[one.value for one in Language], default=Language.FI.value)
    add.add_argument("--channel", choices=_CHANNELS, action="append", help="may be given twice (default: WS)")
    for verb, summary, run in (
        ("approve", "approve an organisation for a channel", _approve),
        ("withdraw", "withdraw a channel: nothing more is issued for it", _withdraw),
    ):
        one = command(verbs, verb, summary, run, f"sinetti authority organisation {verb} --dir DIR --customer-id ID --channel SFTP")
        add_dir(one)
        one.add_argument("--customer-id", required=True, metavar="ID")
        one.add_argument("--channel", choices=_CHANNELS, required=True)
    ended = command(
        verbs, "close", "close an organisation: nothing more is issued to it", _close,
        "sinetti authority organisation close --dir DIR --customer-id ID",
    )
    add_dir(ended)
    ended.add_argument("--customer-id", required=True, metavar="ID")


def _add(parsed: argparse.Namespace) -> int:
    channels = frozenset(Channel(channel) for channel in parsed.channel or [Channel.WS])
    new = NewOrganisation(
        parsed.customer_id, CustomerKind(parsed.kind), parsed.country, parsed.name, Language(parsed.language), channels,
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
