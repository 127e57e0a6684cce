"""`sinetti authority approval …`: proposals, and the signatures of officers."""

from collections.abc import Sequence
from pathlib import Path

from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    ActProposed,
    AuthorityRun,
    octets_of,
    operator_commands,
)
from sinetti.cli.authority.organisation import print_wait
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.authority.proposals import (
    OFFICER,
    PINNED,
    approval_context,
    get_checked,
    print_signer_work,
    propose_act,
)
from sinetti.cli.client.approval import blocks
from sinetti.cli.core.blocks import Block
from sinetti.cli.core.commands import Output, argument, option, table_of
from sinetti.cli.core.invocation import print_note
from sinetti.cli.core.output import show
from sinetti.database.approvals.proposals import StoredProposal
from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.approvals.proposals import ProposalState, count_missing, needs_command
from sinetti.domain.values import Language
from sinetti.i18n.approval_labels import ACTS
from sinetti.infra.atomic_files import write_atomic
from sinetti.infra.clock import instant_or_none
from sinetti.services.access.signatory_namings import list_namings
from sinetti.services.approvals.approve import add_signature, list_waiting, reject

verbs = operator_commands(
    "approval",
    "show and approve proposals of acts that take two people",
    "sinetti authority approval list --dir /srv/sinetti",
)
register = verbs.register

_COLUMNS = ("id", "act", "object", "proposer", "state", "signed", "missing", "expires")
_ID = argument("ID", "number of the proposal")


@verbs.command()
def list_(run: AuthorityRun) -> Output:
    """List the proposals that wait."""
    rows = [_row(stored, run.ctx.approvals) for stored in list_waiting(run.ctx)]
    return Output(rows, _table(rows))


def _row(stored: StoredProposal, policy: ApprovalPolicy) -> dict[str, object]:
    proposal = stored.proposal
    return {
        "id": proposal.proposal_id,
        "act": proposal.act.value,
        "sentence": ACTS.get(proposal.kind, "unknown: reject it"),
        "object": proposal.subject,
        "proposer": proposal.proposer,
        "state": stored.state.value,
        "signed": list(stored.signed),
        "missing": count_missing(proposal, stored.signed, policy),
        "expires": instant_or_none(proposal.expires),
    }


def _table(rows: list[dict[str, object]]) -> Sequence[Block]:
    shown = [
        {**row, "act": row["sentence"], "object": row["object"] or "-", "signed": ", ".join(row["signed"]) or "-"}
        for row in rows
        if isinstance(row["signed"], list)
    ]
    return table_of(_COLUMNS, shown, fold={"act", "object", "signed"}, nothing="There are no proposals.")


@verbs.command("ID --out proposal.json")
def show_(
    run: AuthorityRun, *, out: Path | None = option("FILE", "file for the octets to sign"), proposal_id: str = _ID
) -> None:
    """Show a proposal, and write the file that officers sign."""
    proposal = get_checked(proposal_id, run.authority)
    shown = tuple(blocks(proposal, Language.EN))
    if out is not None:
        write_atomic(out, proposal.octets)
        print_note(f"Written to {out}. Each officer reads it with: sinetti approval show {out}")
    show(shown)


@verbs.command("ID --officer anna --signature proposal.json.sig", name="give", also=[PASSPHRASE_FILE])
def approve(
    run: AuthorityRun,
    *,
    officer: str = option("NAME", "officer who signed"),
    signature: Path = option("FILE", "signature of ssh-keygen -Y sign"),
    proposal_id: str = _ID,
) -> int:
    """Approve a proposal by a signature; with the last one, the act is done."""
    octets = octets_of("--signature", signature)
    get_checked(proposal_id, run.authority)
    result = add_signature(proposal_id, officer, octets, approval_context(run.authority))
    proposal, signed = result.stored.proposal, result.stored.signed
    if result.missing:
        signers = (
            f"including {proposal.proposer}'s" if proposal.proposer not in signed else "of officers who may approve it"
        )
        print_note(f"Signed by {', '.join(signed)}. Signatures that are missing: {result.missing}, {signers}.")
        return EXIT_ACTION_REQUIRED
    if proposal.act in PINNED:
        print_signer_work(run.authority)
    if needs_command(proposal.act) and result.stored.state is ProposalState.APPROVED:
        print_note(f"Approved. {proposal.proposer} runs the command again with --approval {proposal.proposal_id}.")
        return 0
    print_note("Approved, and done.")
    if proposal.act is TwoPersonAct.SIGNATORY:
        print_wait(list_namings(proposal.parameters["customer_id"], run.ctx), run.parsed.dir)
    return 0


@verbs.command(
    "--officer anna",
    summary="show how many people an act takes; with --officer, propose the lower numbers of authority.toml",
)
def settings(run: AuthorityRun, *, officer: str | None = OFFICER) -> Output:
    """Show how many people an act takes, or propose lower numbers."""
    configured = run.authority.settings.policy.values
    rows = [
        {"name": name, "before": value, "after": configured[name]} for name, value in run.ctx.approvals.values.items()
    ]
    lower = [row for row in rows if row["before"] != row["after"]]
    if officer is not None and lower:
        propose_act(TwoPersonAct.SETTINGS, {"settings": lower}, {}, run.parsed, run.authority)
        raise ActProposed
    names = {"name": "setting", "before": "in effect", "after": "in authority.toml"}
    shown = [{names[key]: value for key, value in row.items()} for row in rows]
    return Output(rows, table_of(tuple(names.values()), shown, nothing=""))


@verbs.command("ID")
def reject_(run: AuthorityRun, *, proposal_id: str = _ID) -> str:
    """End a proposal; nothing is done."""
    reject(proposal_id, approval_context(run.authority))
    return "Rejected. Nothing was done."
