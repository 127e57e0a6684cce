"""`sinetti authority ca revoke`: put a CA on the list of the CA above it."""

import argparse
from dataclasses import replace
from pathlib import Path

from sinetti.authority.ca_revocation import check_revocable, revocation_of, revoke_authority
from sinetti.authority.exchange import is_listed, request_revocations
from sinetti.cli.authority.ca_succession import succession_context
from sinetti.cli.authority.common import (
    OptionError,
    add_dir,
    check_register,
    command,
    octets_of,
    opened_authority,
    past_instant,
)
from sinetti.cli.authority.import_signed import add_request_set, write_request
from sinetti.cli.authority.passphrase_options import add_offline, add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import add_officer_option, approved, takes_two
from sinetti.cli.client import common
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.invocation import print_note
from sinetti.database.authorities.register import get_authority
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.pki.encoding import sha256_hex

_DISTRUSTED = (
    "{name} is distrusted since {since:%Y-%m-%dT%H:%M:%SZ}. Gateways confirm its earlier certificates by the bridge "
    "until {until:%Y-%m-%dT%H:%M:%SZ}. Next: sinetti authority call-early (docs/incident.md)"
)
_LISTED = "{name} is revoked, and on the list of {parent}."
_UNLISTED = "{name} is revoked, and not yet on the list of {parent}, whose key is offline."
_HOW = "Run the same command with --request-out FILE for a ceremony, or with --offline-dir."


def register_revocation(verbs: Commands) -> None:
    """Add the command to the group `ca`."""
    example = "sinetti authority ca revoke DataProvidersIssuingCAv1 --reason cACompromise --dir /srv/sinetti"
    summary = "revoke a CA, and declare its compromise with cACompromise"
    parser = command(verbs, "revoke", summary, _run, example)
    parser.add_argument("name", metavar="NAME", help="CA: file name or CN, from `ca list`")
    parser.add_argument("--reason", choices=common.choices(RevocationReason), required=True, help="reason on the list")
    parser.add_argument(
        "--since", metavar="ISO", help="instant from which the key may be in foreign hands (default: now)"
    )
    parser.add_argument("--bridge-hours", metavar="N", type=int, help="hours of the bridge (default: bridge_hours)")
    parser.add_argument(
        "--under-checkpoint",
        metavar="FILE",
        type=Path,
        help="the bridge confirms what is in the log at this checkpoint",
    )
    add_request_set(parser, "for a ceremony that signs the list", "--request-out")
    add_dir(parser)
    add_passphrase_file(parser)
    add_offline(parser, required=False, new=False)
    add_officer_option(parser, again=True)


def _run(parsed: argparse.Namespace) -> int:
    _check_options(parsed)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        means = succession_context(parsed, authority)
        check_register(authority)
        one = get_authority(authority.ctx.db, parsed.name)
        parameters = {"change": "revoke", "ca": one.name, "reason": parsed.reason, **_compromise(parsed)}
        file = parsed.under_checkpoint
        checkpoint = None if file is None else octets_of("--under-checkpoint", file)
        wanted = replace(revocation_of(parameters), checkpoint=checkpoint)
        check_revocable(wanted, means)
        is_declared = parsed.reason == RevocationReason.CA_COMPROMISE and parsed.since is None
        if is_declared and takes_two(TwoPersonAct.CA, authority):
            raise OptionError(
                "--since is missing: officers sign the instant from which the key may be in foreign hands"
            )
        context, ctx = {"state": one.state.value}, authority.ctx

        def listed() -> bool:
            return is_listed(get_authority(ctx.db, one.name), ctx)

        with approved(
            TwoPersonAct.CA, parameters, context, parsed, authority, offline=means.offline, is_done=listed
        ) as approval:
            view = revoke_authority(wanted, means, approval)
        if view.distrust is not None:
            text = _DISTRUSTED.format(name=view.name, since=view.distrust.since, until=view.distrust.bridge_until)
            print_note(text)
        print_note((_LISTED if listed() else _UNLISTED).format(name=view.name, parent=view.issuer))
        if not listed() and parsed.request_set is None:
            print_note(_HOW)
        elif not listed():
            write_request(parsed, request_revocations(authority))
    return 0


def _check_options(parsed: argparse.Namespace) -> None:
    """Raise OptionError for options that belong to a compromise alone."""
    given = (parsed.since, parsed.bridge_hours, parsed.under_checkpoint)
    if parsed.reason != RevocationReason.CA_COMPROMISE and any(one is not None for one in given):
        raise OptionError(
            "--since, --bridge-hours and --under-checkpoint belong to --reason cACompromise: leave them out"
        )


def _compromise(parsed: argparse.Namespace) -> dict[str, str]:
    """Return the parameters of a compromise, which officers sign."""
    found = {} if parsed.since is None else {"since": f"{past_instant('--since', parsed.since):%Y-%m-%dT%H:%M:%SZ}"}
    if parsed.bridge_hours is not None:
        found["bridge_hours"] = str(parsed.bridge_hours)
    if parsed.under_checkpoint is not None:
        found["checkpoint"] = sha256_hex(octets_of("--under-checkpoint", parsed.under_checkpoint))
    return found
