"""`sinetti authority approval …`: proposals, and the signatures of officers."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sinetti.api.serializers import instant
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    add_dir,
    command,
    group,
    octets_of,
    opened_authority,
    print_result,
    table_of,
)
from sinetti.cli.authority.organisation_people import print_wait
from sinetti.cli.authority.passphrase_options import add_passphrase_file, passphrase_of
from sinetti.cli.authority.proposals import (
    PINNED,
    add_officer_option,
    approval_context,
    get_checked,
    print_signer_work,
    propose_act,
)
from sinetti.cli.client.approval import blocks
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import show
from sinetti.database.approvals.proposals import StoredProposal
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.approvals.proposals import ProposalState, count_missing, needs_command
from sinetti.domain.values import Language
from sinetti.i18n.approval_labels import ACTS
from sinetti.infra.atomic_files import write_atomic
from sinetti.services.access.signatory_namings import list_namings
from sinetti.services.approvals.approve import add_signature, list_waiting, reject

_COLUMNS = ("id", "act", "object", "proposer", "state", "signed", "missing", "expires")
_EXAMPLE = "sinetti authority approval list --dir /srv/sinetti"


def register(commands: Commands) -> None:
    """Add the commands to the parser."""
    verbs = group(commands, "approval", "show and approve proposals of acts that take two people", _EXAMPLE)
    listing = command(verbs, "list", "list the proposals that wait", _list, _EXAMPLE)
    add_dir(listing)
    listing.add_argument("--json", action="store_true", help="print the result as JSON")
    example = "sinetti authority approval show ID --out proposal.json --dir /srv/sinetti"
    showing = command(verbs, "show", "show a proposal, and write the file that officers sign", _show, example)
    showing.add_argument("--out", metavar="FILE", type=Path, help="file for the octets to sign")
    example = "sinetti authority approval give ID --officer anna --signature proposal.json.sig --dir /srv/sinetti"
    summary = "approve a proposal by a signature; with the last one, the act is done"
    giving = command(verbs, "give", summary, _give, example)
    giving.add_argument("--officer", metavar="NAME", required=True, help="officer who signed")
    giving.add_argument("--signature", metavar="FILE", type=Path, required=True, help="signature of ssh-keygen -Y sign")
    add_passphrase_file(giving)
    example = "sinetti authority approval settings --officer anna --dir /srv/sinetti"
    summary = "show how many people an act takes; with --officer, propose the lower numbers of authority.toml"
    setting = command(verbs, "settings", summary, _settings, example)
    add_dir(setting)
    add_officer_option(setting)
    setting.add_argument("--json", action="store_true", help="print the result as JSON")
    example = "sinetti authority approval reject ID --dir /srv/sinetti"
    rejecting = command(verbs, "reject", "end a proposal; nothing is done", _reject, example)
    for one in (showing, giving, rejecting):
        one.add_argument("id", metavar="ID", help="number of the proposal")
        add_dir(one)


def _list(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        rows = [_row(one, authority.ctx.approvals) for one in list_waiting(authority.ctx)]
    print_result(rows, as_json=parsed.json, table=lambda: _table(rows))
    return 0


def _row(one: StoredProposal, policy: ApprovalPolicy) -> dict[str, object]:
    return {
        "id": one.proposal.proposal_id,
        "act": one.proposal.act.value,
        "sentence": ACTS.get(one.proposal.kind, "unknown: reject it"),
        "object": one.proposal.subject,
        "proposer": one.proposal.proposer,
        "state": one.state.value,
        "signed": list(one.signed),
        "missing": count_missing(one.proposal, one.signed, policy),
        "expires": instant(one.proposal.expires),
    }


def _table(rows: list[dict[str, object]]) -> Sequence[Block]:
    shown = [
        {**row, "act": row["sentence"], "object": row["object"] or "-", "signed": ", ".join(row["signed"]) or "-"}
        for row in rows
        if isinstance(row["signed"], list)
    ]
    return table_of(_COLUMNS, shown, fold={"act", "object", "signed"}, nothing="There are no proposals.")


def _show(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        proposal = get_checked(parsed.id, authority)
    shown = tuple(blocks(proposal, Language.EN))
    if parsed.out is not None:
        write_atomic(parsed.out, proposal.octets)
        print_note(f"Written to {parsed.out}. Each officer reads it with: sinetti approval show {parsed.out}")
    show(shown)
    return 0


def _give(parsed: argparse.Namespace) -> int:
    signature = octets_of("--signature", parsed.signature)
    with opened_authority(parsed.dir, passphrase_of(parsed)) as authority:
        get_checked(parsed.id, authority)
        found = add_signature(parsed.id, parsed.officer, signature, approval_context(authority))
        proposal, is_done = found.stored.proposal, not found.missing
        names_signatory = is_done and proposal.act is TwoPersonAct.SIGNATORY
        waiting = list_namings(proposal.parameters["customer_id"], authority.ctx) if names_signatory else ()
        if is_done and proposal.act in PINNED:
            print_signer_work(authority)
    signed = found.stored.signed
    if not is_done:
        who = (
            f"including {proposal.proposer}'s" if proposal.proposer not in signed else "of officers who may approve it"
        )
        print_note(f"Signed by {', '.join(signed)}. Signatures that are missing: {found.missing}, {who}.")
        return EXIT_ACTION_REQUIRED
    if needs_command(proposal.act) and found.stored.state is ProposalState.APPROVED:
        print_note(f"Approved. {proposal.proposer} runs the command again with --approval {proposal.proposal_id}.")
        return 0
    print_note("Approved, and done.")
    return print_wait(waiting, parsed.dir)


def _settings(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        now, wanted = authority.ctx.approvals.values, authority.settings.policy.values
        rows = [{"name": name, "before": value, "after": wanted[name]} for name, value in now.items()]
        lower = [row for row in rows if row["before"] != row["after"]]
        if parsed.officer is not None and lower:
            return propose_act(TwoPersonAct.SETTINGS, {"settings": lower}, {}, parsed, authority)
    names = {"name": "setting", "before": "in effect", "after": "in authority.toml"}
    shown = [{names[key]: value for key, value in row.items()} for row in rows]
    print_result(rows, as_json=parsed.json, table=lambda: table_of(tuple(names.values()), shown, nothing=""))
    return 0


def _reject(parsed: argparse.Namespace) -> int:
    with opened_authority(parsed.dir) as authority:
        reject(parsed.id, approval_context(authority))
    print_note("Rejected. Nothing was done.")
    return 0
