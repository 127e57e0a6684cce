"""Proposals of commands whose act takes two people (docs/operators/officers.md)."""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sinetti.authority.bootstrap import Authority, notification_context
from sinetti.authority.ca_revocation import check_revocable, revocation_of
from sinetti.authority.key_destruction import DestructionOptions, plan_destruction
from sinetti.authority.key_relocation import OfflineKeys, check_passphrase_move
from sinetti.authority.signer_separation import SIGNER_FIX, SeparationOptions, check_separation, compare_officers
from sinetti.authority.succession import (
    ParentKeyAway,
    SuccessionContext,
    check_begin,
    check_certifiable,
    check_roll_over,
    successor_of,
)
from sinetti.cli.authority.common import (
    EXIT_ACTION_REQUIRED,
    ActProposed,
    AuthorityRun,
    OptionError,
    machine_user,
)
from sinetti.cli.core.commands import Output, option, print_output
from sinetti.cli.core.invocation import print_note
from sinetti.database.approvals.proposals import list_signatures
from sinetti.database.authorities import register
from sinetti.database.authorities.register import CaChangeRefused
from sinetti.database.notifications.outbox import rehearsal
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.approvals.proposals import NAMESPACE, Proposal, ProposalState
from sinetti.domain.values import Environment
from sinetti.infra.clock import format_instant
from sinetti.infra.file_permissions import user_name
from sinetti.notifications.dry_run import rehearse
from sinetti.pki.signers import ActApproval, SignerUnavailable
from sinetti.server.process_exit import request_id
from sinetti.services.approvals.approve import (
    ApprovalContext,
    begin,
    finish,
    get_proposal,
    needs_approval,
    propose,
)
from sinetti.services.approvals.executors import EXECUTORS
from sinetti.services.approvals.officers import can_add_founders
from sinetti.services.issuance.clock_guard import accept_clock

_HOW = """\
Proposed: {id}. Nothing has changed. {people} officers must sign it by {expires}, {proposer} among them:
  sinetti authority approval show {id} --out FILE --dir {dir}
  sinetti approval show FILE, on the machine of each officer
  ssh-keygen -Y sign -n {namespace} -f KEY FILE
  sinetti authority approval give {id} --officer NAME --signature FILE.sig --dir {dir}"""
_LETTERS_IN_FULL = 2
_FILES = ("to", "protocol", "offline_dir")
"""Parameters that name what the command writes."""
_CHECKS: Mapping[str, Callable[[Mapping[str, Any], SuccessionContext], object]] = {
    "ca begin": lambda given, ctx: check_begin(*successor_of(given, ctx)),
    "ca install": lambda given, ctx: check_certifiable(given["ca"], given["sha256"], ctx),
    "ca rollover": lambda given, ctx: check_roll_over(*successor_of(given, ctx)),
    "ca activate": lambda given, ctx: _check_new(
        given["ca"], "issues", register.activate(ctx.authority.ctx.db, given["ca"], ctx.audit).is_new
    ),
    "ca retire": lambda given, ctx: _check_new(
        given["ca"], "is retired", register.retire(ctx.authority.ctx.db, given["ca"], ctx.audit)
    ),
    "ca revoke": lambda given, ctx: check_revocable(revocation_of(given), ctx),
    "ceremony destroy-keys": lambda given, ctx: plan_destruction(
        DestructionOptions(tuple(key.partition(" ")[0] for key in given["keys"]), Path(given["protocol"])),
        ctx.authority,
        is_medium_away=True,
    ),
    "secrets move-passphrase": lambda given, ctx: check_passphrase_move(ctx.authority.folder, Path(given["to"])),
    "secrets separate": lambda given, ctx: check_separation(
        ctx.authority, SeparationOptions(Path(given["signer_dir"]), Path(given["socket"]), 1)
    ),
}
"""Checks before the command of an approved act runs, by the kind of its proposal.

What a check writes into the register is rolled back. Acts of EXECUTORS are rehearsed instead.
"""
PINNED = frozenset({TwoPersonAct.OFFICERS, TwoPersonAct.SETTINGS})
"""Acts that change what a separate signer has in its policy, too."""
_AGAIN = "Then run this command again with --approval {id}."


OFFICER = option("NAME", "officer who proposes it, if the authority has officers", name="--officer", default=None)
APPROVAL = option("ID", "approved proposal, which this command carries out", name="--approval", default=None)


def approval_context(authority: Authority) -> ApprovalContext:
    """Return the context of approvals in this command."""
    ctx, request = authority.ctx, request_id()
    return ApprovalContext(
        ctx, machine_user(), request, EXECUTORS, lambda actor: accept_clock(authority.clock, ctx, actor, request)
    )


def takes_two(act: TwoPersonAct, authority: Authority) -> bool:
    """Return True if the act needs an approval in this authority.

    Raises OptionError for PRODUCTION without officers: there it cannot be done at all.
    """
    if needs_approval(act, authority.ctx):
        return True
    if authority.settings.environment is Environment.PRODUCTION and can_add_founders(authority.ctx):
        raise OptionError(
            "this takes two officers, and the authority has none yet: name three first with sinetti authority "
            "officer add (docs/operators/officers.md)"
        )
    return False


def require_approval(act: TwoPersonAct, parameters: Mapping[str, Any], run: AuthorityRun, **context: object) -> None:
    """Propose an act that takes two people, and raise ActProposed.

    An act that one person may do is left to the caller.
    """
    if takes_two(act, run.authority):
        propose_act(act, parameters, context, run.parsed, run.authority)
        raise ActProposed


def propose_act(
    act: TwoPersonAct,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
    parsed: argparse.Namespace,
    authority: Authority,
    *,
    offline: OfflineKeys | None = None,
) -> int:
    """Store the proposal of an act that could be done, and print how it is approved."""
    if parsed.officer is None:
        raise OptionError("--officer is missing: this takes two people, so name the officer who proposes it")
    if (path := getattr(parsed, "request_set", None)) is not None:
        check_writable(path)
    now, environment = authority.ctx.now(), authority.settings.environment
    draft = Proposal("", "", environment, act, parsed.officer, "", 0, now, now, "", parameters, context)
    if letters := _check(draft, authority, offline):
        context = {**context, "letters": letters}
    new = propose(act, parsed.officer, parameters, context, approval_context(authority))
    if getattr(parsed, "json", False):
        value = {
            "result": "proposed",
            "proposal": new.proposal_id,
            "act": act.value,
            "expires": format_instant(new.expires),
        }
        print_output(Output(value, ""), as_json=True)
    text = _HOW.format(
        id=new.proposal_id,
        people=new.people,
        expires=f"{new.expires:%Y-%m-%d %H:%M} UTC",
        proposer=new.proposer,
        namespace=NAMESPACE,
        dir=parsed.dir,
    )
    print_note(f"{text}\n{_AGAIN.format(id=new.proposal_id)}" if hasattr(parsed, "approval") else text)
    if act in PINNED and authority.settings.signer:
        print_note(f"Once it is approved, {SIGNER_FIX}. Until then sinetti authority check says what differs.")
    return EXIT_ACTION_REQUIRED


def get_checked(proposal_id: str, authority: Authority) -> Proposal:
    """Return a proposal.

    While officers may sign it, raises the error of an act that could not be done now. The medium that its command may
    need is not at hand here. Raises ApprovalError.
    """
    stored = get_proposal(proposal_id, authority.ctx)
    if stored.state is ProposalState.OPEN:
        with suppress(ParentKeyAway):
            _check(stored.proposal, authority)
    return stored.proposal


def _check(proposal: Proposal, authority: Authority, offline: OfflineKeys | None = None) -> list[dict[str, str]]:
    """Raise the error of an act that could not be done now.

    Returns the letters that an act of EXECUTORS sends.
    """
    act, given = proposal.act, proposal.parameters
    if act in EXECUTORS:
        return rehearsed_letters(partial(EXECUTORS[act], proposal, approval_context(authority)), authority)
    for name in _FILES:
        if given.get(name) is not None:
            check_writable(Path(given[name]))
    with rehearsal(authority.ctx.db):
        if proposal.kind in _CHECKS:
            _CHECKS[proposal.kind](given, SuccessionContext(authority, machine_user(), request_id(), offline))
    return []


def _check_new(name: str, state: str, is_new: bool) -> None:  # noqa: FBT001 - the result of the act
    """Raise CaChangeRefused for an act that would change nothing."""
    if not is_new:
        raise CaChangeRefused(f"{name} {state} already: there is nothing to approve")


def check_writable(path: Path) -> None:
    """Raise OptionError if this process could not make a file."""
    # With the slash, a file in the place of the folder is not writable either.
    if not os.access(f"{path.absolute().parent}/", os.W_OK | os.X_OK):
        raise OptionError(
            f"{path} cannot be written: make {path.parent} a folder that {user_name(os.getuid())} may write, or name "
            "another place"
        )


def print_signer_work(authority: Authority) -> None:
    """Print what a change of officers or of rules leaves to do at the separate signer."""
    try:
        left = list(compare_officers(authority))
    except SignerUnavailable as away:
        left = [str(away)]
    if left:
        print_note("\n".join((*left, f"To finish, {SIGNER_FIX}. Until then sinetti authority check says so.")))


def rehearsed_letters(sending: Callable[[], object], authority: Authority) -> list[dict[str, str]]:
    """Return the first letters of an act for its proposal.

    `sending` does in the database what sends them, and is rolled back. None where the authority sends no messages.
    """
    if not authority.folder.notices.exists():
        with rehearsal(authority.ctx.db):
            sending()
        return []
    letters = rehearse(sending, notification_context(authority), _LETTERS_IN_FULL)
    return [
        {
            "recipient": letter.to,
            "language": letter.language.value,
            "subject": letter.subject,
            "text": letter.text.strip(),
        }
        for letter in letters
    ]


@contextmanager
def approved(
    act: TwoPersonAct,
    parameters: Mapping[str, Any],
    run: AuthorityRun,
    *,
    offline: OfflineKeys | None = None,
    is_done: Callable[[], bool] = lambda: True,
    **context: object,
) -> Iterator[ActApproval | None]:
    """Carry out an act in the block, and yield its approval, if it needs one.

    The command has the options OFFICER and APPROVAL. `offline` are the keys at hand that the act can use.
    While `is_done` returns False, the same command goes on under the same approval. Raises ActProposed if the act needs
    one that is not named, and ApprovalError if the proposal of `--approval` is not approved, or differs.
    """
    authority = run.authority
    if run.parsed.approval is None:
        if takes_two(act, authority):
            propose_act(act, parameters, context, run.parsed, authority, offline=offline)
            raise ActProposed
        yield None
        return
    approvals = approval_context(authority)
    proposal = begin(run.parsed.approval, act, parameters, approvals)
    signatures = tuple(signature for _, signature in list_signatures(authority.ctx.db, proposal))
    # The separate signer verifies them itself.
    approval = ActApproval(proposal.octets, signatures)
    authority.keys.approve(approval)
    yield approval
    if is_done():
        finish(proposal, approvals)
