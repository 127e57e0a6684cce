"""`sinetti authority officer …`: officers, who approve acts that take two people."""

from pathlib import Path

from sinetti.authority.ceremony_requests import request_officers
from sinetti.cli.authority.common import AuthorityRun, OptionError, octets_of, operator_commands
from sinetti.cli.authority.import_signed import request_set_option, write_request
from sinetti.cli.authority.proposals import OFFICER, print_signer_work, propose_act
from sinetti.cli.core.commands import Listing, argument, option
from sinetti.cli.core.invocation import print_note
from sinetti.domain.approvals.acts import OfficerRole, TwoPersonAct
from sinetti.infra.clock import format_instant
from sinetti.services.approvals.executors import officer_parameters
from sinetti.services.approvals.officers import NewOfficer, add_founder, check_officer, get_officer, list_officers

verbs = operator_commands(
    "officer",
    "manage officers, who approve acts that take two people",
    "sinetti authority officer add anna --public-key anna.pub --role approver --officer ben --dir /srv/sinetti",
)
register = verbs.register

COLUMNS = ("name", "role", "key", "fido2", "added", "removed")
_NAME = argument("NAME", "name of the officer")


@verbs.command("anna --public-key anna.pub --role approver", also=[OFFICER])
def add(
    run: AuthorityRun,
    *,
    public_key: Path = option("FILE", "public key file of OpenSSH"),
    role: OfficerRole = option(None, f"role: {', '.join(OfficerRole)}"),
    attestation: Path | None = option("FILE", "attestation that ssh-keygen wrote with the key"),
    challenge: Path | None = option("FILE", "challenge of the attestation"),
    name: str = _NAME,
) -> int:
    """Add an officer by an SSH key."""
    if (attestation is None) is not (challenge is None):
        raise OptionError("--attestation and --challenge belong together: give both files that ssh-keygen used")
    new = NewOfficer(
        name,
        role,
        octets_of("--public-key", public_key),
        octets_of("--attestation", attestation) if attestation else b"",
        octets_of("--challenge", challenge) if challenge else b"",
    )
    officer = check_officer(new, run.ctx.approvals)
    if not add_founder(officer, *run.by):
        # The approver's command computes fingerprint and maker from the key itself (cli/client/approval.py).
        return propose_act(TwoPersonAct.OFFICERS, officer_parameters(new), {}, run.parsed, run.authority)
    print_note(f"Officer {officer.name} added with the key {officer.key.fingerprint}.")
    print_signer_work(run.authority)
    return 0


@verbs.command("anna", also=[OFFICER])
def remove(run: AuthorityRun, *, name: str = _NAME) -> int:
    """Remove an officer; their key is never accepted again."""
    officer = get_officer(name, run.ctx)
    parameters = {"change": "remove", "name": officer.name, "key": officer.fingerprint}
    return propose_act(TwoPersonAct.OFFICERS, parameters, {"role": officer.role.value}, run.parsed, run.authority)


@verbs.command(
    "--request-set request-set.json",
    summary="write a request set: the custodians of the root key replace all officers, if these are lost",
)
def recover(
    run: AuthorityRun, *, request_set: Path = request_set_option("for the ceremony that names new officers")
) -> None:
    """Write a request set for the ceremony that names new officers."""
    write_request(request_set, request_officers(run.authority), run.parsed.dir)


@verbs.command()
def list_(run: AuthorityRun) -> Listing:
    """List officers, also removed ones."""
    rows = [
        {
            "name": officer.name,
            "role": officer.role.value,
            "key": officer.fingerprint,
            "fido2": officer.key.startswith("sk-"),
            "added": format_instant(officer.added_at),
            "removed": officer.removed_at and format_instant(officer.removed_at),
        }
        for officer in list_officers(run.ctx)
    ]
    return Listing(rows, COLUMNS, "There are no officers, so no act needs an approval.", {"key"})
