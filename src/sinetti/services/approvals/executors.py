"""Acts that an approval carries out, with the parameters of the signed octets.

Acts that need a key or a medium are carried out by their command instead (`begin` in approve.py).
"""

import base64
from datetime import datetime
from typing import Any

from sinetti.database.access.accounts import Account, NewAccount
from sinetti.database.certificates import bulk_revocation
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.approvals.acts import OfficerRole, TwoPersonAct
from sinetti.domain.approvals.proposals import ApprovalError, ApprovalReason, Proposal
from sinetti.domain.certificates.bulk_revocation import BulkRevocationProposal
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Language, Serial
from sinetti.services.access import accounts
from sinetti.services.approvals.approve import AfterCommit, ApprovalContext, Executors
from sinetti.services.approvals.officers import NewOfficer, add_officer, check_officer, remove_officer
from sinetti.services.approvals.settings import lower_settings
from sinetti.services.context import ServiceContext
from sinetti.services.organisations import people, registration
from sinetti.services.revocation import bulk_revoke

Parameters = dict[str, Any]
"""Parameters of a proposal: JSON values."""


def bulk_parameters(
    ask: bulk_revoke.BulkRevocationRequest, selection: bulk_revoke.BulkSelection, ctx: ServiceContext
) -> Parameters:
    """Return the parameters of a bulk revocation, with each certificate described."""
    since = ask.invalidity_date
    described = bulk_revocation.describe(ctx.db, selection.serials)
    return {
        "reason": ask.reason.value,
        "invalid_since": since.isoformat() if since is not None else None,
        "certificates": [
            {
                "organisation": summary.organisation,
                "customer_id": summary.customer_id,
                "description": summary.description,
                "ends": summary.not_after.date().isoformat(),
                "authority": summary.authority,
                "serves": summary.serves,
                "last_seen": summary.last_seen.date().isoformat() if summary.last_seen is not None else None,
                "serial": summary.serial,
            }
            for summary in described
        ],
    }


def bulk_context(ask: bulk_revoke.BulkRevocationRequest, selection: bulk_revoke.BulkSelection) -> Parameters:
    """Return the criteria and the totals of a bulk revocation."""
    wanted = ask.wanted
    issued = [instant.isoformat() for instant in wanted.issued or ()]
    criteria = {
        "customer_id": wanted.customer_id,
        "authority": wanted.authority,
        "issued_from": issued[0] if issued else None,
        "issued_until": issued[1] if issued else None,
        "selected_by": ["serial numbers"] if wanted.serials is not None else None,
    }
    return {
        **{name: value for name, value in criteria.items() if value is not None},
        "count": len(selection.going),
        "organisations": len({row.customer_id for row in selection.going}),
        "along": len(selection.along),
        "passed_over": selection.passed_over,
    }


def officer_parameters(new: NewOfficer) -> Parameters:
    """Return the parameters of an officer to add."""
    return {
        "change": "add",
        "name": new.name,
        "role": new.role.value,
        "public_key": new.public_key.decode("ascii", "replace"),
        "attestation": base64.b64encode(new.attestation).decode("ascii"),
        "challenge": base64.b64encode(new.challenge).decode("ascii"),
    }


def account_parameters(new: NewAccount) -> Parameters:
    """Return the parameters of a clerk's account to create."""
    values = {"change": "add", "email": new.email, "name": new.name, "language": new.language.value}
    return {**values, "person": new.person}


def staff_parameters(change: str, account: Account) -> Parameters:
    """Return the parameters of a change to an account."""
    return {"change": change, "email": account.email, "account": account.user_id}


def signatory_parameters(customer_id: str, person: ContactDetails, *, invite: bool) -> Parameters:
    """Return the parameters of a signatory to name."""
    return {
        "customer_id": customer_id,
        "name": person.name,
        "email": person.email,
        "phone": person.phone,
        "language": person.language.value,
        "invite": invite,
    }


def _revoke_many(proposal: Proposal, means: ApprovalContext) -> AfterCommit:
    given, ctx = proposal.parameters, means.ctx
    since = given["invalid_since"]
    approved = BulkRevocationProposal(
        "",
        proposal.proposer,
        RevocationReason(given["reason"]),
        datetime.fromisoformat(since) if since is not None else None,
        tuple(Serial(one["serial"]) for one in given["certificates"]),
        proposal.created,
        proposal.expires,
        approver=f"act.{proposal.proposal_id}",
    )
    bulk_revoke.store_approved(approved, ctx, _actor(proposal), means.request_id)

    def revoke() -> None:
        ctx.step("many-approved")
        bulk_revoke.resume(ctx, means.request_id)

    return revoke


def _change_officers(proposal: Proposal, means: ApprovalContext) -> None:
    given, ctx, by = proposal.parameters, means.ctx, (_actor(proposal), means.request_id)
    if given["change"] == "remove":
        remove_officer(given["name"], given["key"], ctx, *by)
        return
    if given["change"] == "accept":
        ctx.facts.accept(ctx.db, given["rows"], ctx.audit_entry(*by))
        return
    new = NewOfficer(
        given["name"],
        OfficerRole(given["role"]),
        given["public_key"].encode("ascii"),
        base64.b64decode(given["attestation"]),
        base64.b64decode(given["challenge"]),
    )
    add_officer(check_officer(new, ctx.approvals), ctx, *by)


def _name_staff(proposal: Proposal, ctx: ApprovalContext) -> None:
    given, by = proposal.parameters, (_actor(proposal), ctx.request_id)
    if given["change"] == "add":
        language, person = Language(given["language"]), given.get("person", "")
        new = NewAccount(given["email"], given["name"], language, staff=True, person=person)
        accounts.invite(new, ctx.ctx, *by)
        return
    if accounts.account_of(given["email"], ctx.ctx).user_id != given["account"]:
        raise ApprovalError(ApprovalReason.CHANGED, "the address belongs to another account now: propose it again")
    if given["change"] == "reset-second-factor":
        accounts.reset_second_factor(given["email"], ctx.ctx, *by)
    else:
        accounts.give_staff(given["email"], given.get("person", ""), ctx.ctx, *by)


def _end_organisation(proposal: Proposal, ctx: ApprovalContext) -> None:
    customer_id = proposal.parameters["customer_id"]
    if not registration.is_open(customer_id, ctx.ctx):
        raise ApprovalError(
            ApprovalReason.CHANGED, f"{customer_id} has already ended, and nothing was done: reject the proposal"
        )
    registration.close(customer_id, ctx.ctx, _actor(proposal), ctx.request_id)


def _name_signatory(proposal: Proposal, ctx: ApprovalContext) -> None:
    given, by = proposal.parameters, (_actor(proposal), ctx.request_id)
    person = ContactDetails(given["name"], given["email"], given["phone"], Language(given["language"]))
    if given["invite"]:
        people.invite_signatory(given["customer_id"], person, ctx.ctx, *by)
    else:
        people.add_signatory(given["customer_id"], person, ctx.ctx, *by)


def _lower_settings(proposal: Proposal, ctx: ApprovalContext) -> None:
    wanted = {row["name"]: row["after"] for row in proposal.parameters["settings"]}
    lower_settings(wanted, ctx.ctx, _actor(proposal), ctx.request_id)


def _resume_issuance(proposal: Proposal, ctx: ApprovalContext) -> None:
    ctx.accept_clock(_actor(proposal))


def _actor(proposal: Proposal) -> str:
    return f"officer:{proposal.proposer}"


EXECUTORS: Executors = {
    TwoPersonAct.BULK_REVOCATION: _revoke_many,
    TwoPersonAct.OFFICERS: _change_officers,
    TwoPersonAct.STAFF: _name_staff,
    TwoPersonAct.SETTINGS: _lower_settings,
    TwoPersonAct.ORGANISATION_END: _end_organisation,
    TwoPersonAct.SIGNATORY: _name_signatory,
    TwoPersonAct.RESUME: _resume_issuance,
}
"""Functions of the acts that an approval carries out."""
