"""`sinetti authority organisation …`: organisations, channels and people."""

from collections.abc import Sequence
from pathlib import Path

from sinetti.cli.authority.common import AuthorityRun, OptionError, operator_commands, unknown_organisation
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.authority.person_options import format_person, person, person_row
from sinetti.cli.authority.proposals import OFFICER, require_approval
from sinetti.cli.core.commands import Output, flag, option
from sinetti.cli.core.invocation import print_note
from sinetti.database.organisations.organisations import ContactDetails, NewOrganisation, OrganisationInfo
from sinetti.domain.access.pending_invitations import NamingView
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.validation import LONGEST_ORGANISATION, check_country, check_email, check_text
from sinetti.domain.values import Channel, CustomerIdError, IdentifierType, Language
from sinetti.i18n.signatory_letter import letter_lines
from sinetti.services.access.signatory_namings import link_path, list_namings
from sinetti.services.approvals.executors import signatory_parameters
from sinetti.services.organisations import people, registration
from sinetti.services.organisations.people import who_is_who
from sinetti.settings import notifications

_WHERE = "--dir /srv/sinetti --customer-id 1234567-1"
_BEFORE = "sinetti authority organisation"
_NAMED = "--name 'The director' --email director@customer.example"
_ADDING = "--kind business-id --name 'Malli Oy'"

verbs = operator_commands(
    "organisation", "manage organisations and their representatives", f"{_BEFORE} add {_WHERE} {_ADDING}"
)
register = verbs.register

_STAY = "Its certificates stay valid until they expire or are revoked."
_UNCHANGED = "nothing was changed"
_INCOMPLETE = "name the contact person with --name and --email, or give --none alone"
_CUSTOMER_ID = option("ID", "ID of the organisation, such as 1234567-1")
_CHANNEL = option(None, "channel")


@verbs.command(f"{_BEFORE} add {_WHERE} {_ADDING}")
def add(
    run: AuthorityRun,
    *,
    customer_id: str = _CUSTOMER_ID,
    kind: IdentifierType = option(None, "type of the ID"),
    name: str = option("NAME", "name of the organisation in certificates"),
    country: str = option("CC", "country, two letters (default: %(default)s)", default="FI"),
    language: Language = option(None, "language of messages to it (default: %(default)s)", default="fi"),
    channel: list[Channel] = option(None, "channel (repeatable, default: WS)"),
) -> str:
    """Add an organisation with its channels."""
    new = NewOrganisation(
        customer_id,
        kind,
        check_country("--country", country),
        check_text("--name", name, LONGEST_ORGANISATION),
        language,
        frozenset(channel or [Channel.WS]),
    )
    added = registration.register_organisation(new, *run.by)
    if added is None:
        closed = "" if _organisation(run, customer_id).open else ", and closed permanently"
        raise CustomerIdError(f"an organisation with the ID {customer_id} is already registered{closed}")
    return f"Organisation {added.customer_id} added and approved for {', '.join(sorted(added.channels))}."


def _organisation(run: AuthorityRun, customer_id: str) -> OrganisationInfo:
    """Return the organisation before the command. Raises CustomerIdError."""
    organisation = registration.organisation(run.ctx, customer_id)
    if organisation is None:
        raise unknown_organisation(customer_id)
    return organisation


@verbs.command(f"{_BEFORE} approve {_WHERE} --channel SFTP")
def approve(run: AuthorityRun, *, customer_id: str = _CUSTOMER_ID, channel: Channel = _CHANNEL) -> str:
    """Approve an organisation for a channel."""
    before = _organisation(run, customer_id)
    if not before.open:
        raise CustomerIdError(f"{before.customer_id} is closed permanently: no more certificates are issued to it")
    registration.approve(before.customer_id, frozenset({channel}), *run.by)
    if channel in before.channels:
        return f"Nothing to change: {before.customer_id} is already approved for {channel}."
    return f"{before.customer_id} is approved for {channel}."


@verbs.command(f"{_BEFORE} withdraw {_WHERE} --channel SFTP")
def withdraw(run: AuthorityRun, *, customer_id: str = _CUSTOMER_ID, channel: Channel = _CHANNEL) -> str:
    """Withdraw a channel: no more certificates are issued for it."""
    before = _organisation(run, customer_id)
    registration.withdraw(before.customer_id, channel, *run.by)
    if channel not in before.channels:
        return f"Nothing to change: {before.customer_id} is not approved for {channel}."
    return f"{channel} is withdrawn from {before.customer_id}: no more certificates are issued for it. {_STAY}"


@verbs.command(f"{_BEFORE} close {_WHERE}", also=[OFFICER, PASSPHRASE_FILE])
def close(run: AuthorityRun, *, customer_id: str = _CUSTOMER_ID) -> str:
    """Close an organisation permanently: no more certificates are issued to it."""
    before = _organisation(run, customer_id)
    if not before.open:
        return f"Nothing to change: {before.customer_id} is already closed."
    now = run.ctx.now()
    require_approval(
        TwoPersonAct.ORGANISATION_END,
        {"customer_id": before.customer_id},
        run,
        organisation=before.name,
        in_force=sum(row.is_active(now) for row in registration.certificates(run.ctx, before.customer_id)),
        signatories=[
            format_person(signatory) for signatory in who_is_who(before.customer_id, run.ctx).roles.signatories
        ],
    )
    registration.close(before.customer_id, *run.by)
    return f"{before.customer_id} is closed permanently: no more certificates are issued to it. {_STAY}"


signatory = verbs.group(
    "signatory", "manage the signatories of an organisation", f"{_BEFORE} signatory add {_WHERE} {_NAMED}"
)


@signatory.command(f"{_BEFORE} signatory add {_WHERE} {_NAMED}", name="add", also=[OFFICER, PASSPHRASE_FILE])
def add_signatory(
    run: AuthorityRun,
    *,
    customer_id: str = _CUSTOMER_ID,
    named: ContactDetails = person("the signatory"),
    invite: bool = flag("send an invitation to the e-service"),
) -> None:
    """Add a signatory, who represents the organisation."""
    before = who_is_who(customer_id, run.ctx)
    require_approval(
        TwoPersonAct.SIGNATORY,
        signatory_parameters(customer_id, named, invite=invite),
        run,
        organisation=before.organisation.name,
        signatories=[format_person(signatory) for signatory in before.roles.signatories],
    )
    if not invite:
        is_new = people.add_signatory(customer_id, named, *run.by)
        print_note(_outcome(f"{named.name} is a signatory of {customer_id}", is_new=is_new))
    elif people.invite_signatory(customer_id, named, *run.by).made:
        print_note(f"{named.name} is a signatory of {customer_id} and gets an invitation to the e-service by e-mail.")
    else:
        print_note(f"{named.email} has already been invited to act for {customer_id}; {_UNCHANGED}.")
    print_wait(list_namings(customer_id, run.ctx), run.parsed.dir)


def _outcome(sentence: str, *, is_new: bool) -> str:
    return f"{sentence}." if is_new else f"Nothing to change: {sentence}."


def print_wait(waiting: Sequence[NamingView], folder: Path) -> None:
    """Say from when the first signatory can act, and what to send."""
    for naming in waiting:
        begins = f"{naming.ends_at:%Y-%m-%d %H:%M} UTC"
        print_note(f"{naming.name} can act from {begins} on. Until then, the organisation can stop it.")
        print_note(
            f"Print the letter to it: {_BEFORE} signatory letter --customer-id {naming.customer_id} --dir {folder}"
        )


@signatory.command(f"{_BEFORE} signatory remove {_WHERE} --email director@customer.example", name="remove")
def remove_signatory(
    run: AuthorityRun,
    *,
    customer_id: str = _CUSTOMER_ID,
    email: str = option("ADDRESS", "e-mail address of the signatory"),
) -> str:
    """Remove a signatory."""
    if not people.remove_signatory(customer_id, check_email("--email", email), *run.by):
        return f"No signatory of {customer_id} has this address; {_UNCHANGED}."
    if who_is_who(customer_id, run.ctx).roles.signatories:
        return f"Signatory of {customer_id} removed."
    return (
        f"Signatory of {customer_id} removed.\n"
        "It has no signatory left: their messages go to the contact person, or else to operators."
    )


@signatory.command(
    f"{_BEFORE} signatory letter {_WHERE}",
    also=[PASSPHRASE_FILE],
    summary="print the letter by which the organisation can stop the naming of its first signatory",
)
def letter(run: AuthorityRun, *, customer_id: str = _CUSTOMER_ID) -> Output | None:
    """Print the letter about the first signatory of an organisation."""
    waiting = list_namings(who_is_who(customer_id, run.ctx).organisation.customer_id, run.ctx)
    if not waiting:
        print_note("No first signatory of this organisation waits: there is no letter to send.")
        return None
    address = notifications.read(run.authority.folder.notices).terms.people_address
    letters = [letter_lines(naming, f"{address}{link_path(naming.naming_id, run.ctx)}") for naming in waiting]
    note = "Send it to the address in the trade register's extract, never to one from the request."
    return Output(letters, "\n\n\n".join("\n\n".join(lines) for lines in letters), note=note)


@verbs.command(
    f"{_BEFORE} contact-person {_WHERE} {_NAMED}",
    summary="name the contact person who gets messages about all certificates of the organisation",
)
def contact_person(
    run: AuthorityRun,
    *,
    customer_id: str = _CUSTOMER_ID,
    named: ContactDetails | None = person("the contact person", incomplete=_INCOMPLETE),
    none: bool = flag("remove the contact person"),
) -> str:
    """Name the contact person of an organisation."""
    if none is not (named is None):
        raise OptionError(_INCOMPLETE)
    is_new = people.set_contact_person(customer_id, named, *run.by)
    if named is None:
        return _outcome(f"{customer_id} has no contact person", is_new=is_new)
    return _outcome(f"{named.name} is the contact person of {customer_id}", is_new=is_new)


@verbs.command(f"{_BEFORE} looked-after-by {_WHERE} --agent 7654321-4")
def looked_after_by(
    run: AuthorityRun,
    *,
    customer_id: str = _CUSTOMER_ID,
    agent: str = option("ID", "ID of the firm"),
    withdraw: bool = flag("end this instead"),
) -> str:
    """Record which accounting firm manages an organisation's certificates."""
    if withdraw:
        is_new = people.remove_service_provider(customer_id, agent, *run.by)
        return _outcome(f"{customer_id} is no longer managed by {agent}", is_new=is_new)
    return _outcome(
        f"{customer_id} is managed by {agent}", is_new=people.add_service_provider(customer_id, agent, *run.by)
    )


@verbs.command(f"{_BEFORE} show {_WHERE}")
def show(run: AuthorityRun, *, customer_id: str = _CUSTOMER_ID) -> Output:
    """Show the people and firms that act for an organisation."""
    people = who_is_who(customer_id, run.ctx)
    organisation, roles, firms = people.organisation, people.roles, people.looked
    row = {
        "customer_id": organisation.customer_id,
        "name": organisation.name,
        "open": organisation.open,
        "channels": sorted(organisation.channels),
        "signatories": [person_row(signatory) for signatory in roles.signatories],
        "contact_person": person_row(roles.contact_person),
        "looked_after_by": list(firms.by),
        "looks_after": list(firms.after),
    }
    lines = [
        f"{organisation.customer_id}  {organisation.name}{'' if organisation.open else ', closed permanently'}",
        *(f"signatory        {format_person(signatory)}" for signatory in roles.signatories or (None,)),
        f"contact person   {format_person(roles.contact_person)}",
        f"managed by       {', '.join(firms.by) or '-'}",
        *([f"manages          {', '.join(firms.after)}"] if firms.after else []),
    ]
    return Output(row, "\n".join(lines))
