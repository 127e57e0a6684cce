"""`sinetti authority account …`: accounts of the e-service.

The first clerk's account can only be created with this command.
"""

from pathlib import Path

from sinetti.cli.authority.common import AuthorityRun, OptionError, octets_of, operator_commands
from sinetti.cli.authority.passphrase_options import PASSPHRASE_FILE
from sinetti.cli.authority.proposals import OFFICER, require_approval
from sinetti.cli.core.commands import Listing, argument, flag, option
from sinetti.database.access.accounts import NewAccount
from sinetti.domain.access.persons import PersonIdError
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.values import Environment, Language
from sinetti.services.access import accounts
from sinetti.services.approvals.executors import account_parameters, staff_parameters

verbs = operator_commands(
    "account",
    "manage clerks' accounts for the e-service",
    'sinetti authority account add clerk@authority.example --name "N. N." --staff --dir /srv/sinetti',
)
register = verbs.register

COLUMNS = ("email", "name", "active", "second_factor", "person", "created")
_CLERK = "clerk@authority.example"
_BY_OFFICER = (OFFICER, PASSPHRASE_FILE)
_EMAIL = argument("EMAIL", "e-mail address for signing in")
_PERSON_ID = option("ID", "verified ID of the person, - for standard input; a digest is kept")


@verbs.command(f'{_CLERK} --name "N. N." --staff', also=_BY_OFFICER)
def add(
    run: AuthorityRun,
    *,
    name: str = option("NAME", "name of the owner"),
    language: Language = option(None, "language of e-mails: fi, sv or en (default: %(default)s)", default="fi"),
    staff: bool = flag("give clerk's rights, which need a second factor at sign-in"),
    person_id: str | None = _PERSON_ID,
    email: str = _EMAIL,
) -> str:
    """Create an account and send its owner a link to set a password."""
    new = NewAccount(email, name, language, staff=staff, person=_person(person_id, run, staff=staff))
    if staff:
        require_approval(TwoPersonAct.STAFF, account_parameters(new), run)
    accounts.invite(new, *run.by)
    done = "Account created. Its owner gets an e-mail with a link to set a password."
    return f"{done}\nThe clerk is asked to set up a second factor when signing in." if staff else done


@verbs.command(_CLERK, also=_BY_OFFICER)
def staff(
    run: AuthorityRun,
    *,
    person_id: str | None = _PERSON_ID,
    withdraw: bool = flag("withdraw clerk's rights"),
    email: str = _EMAIL,
) -> str:
    """Give an account clerk's rights, or withdraw them; its sessions end."""
    person = _person(person_id, run, staff=not withdraw)
    if withdraw:
        done, changed = "The account no longer has clerk's rights.", accounts.withdraw_staff(email, *run.by)
    else:
        account = accounts.account_of(email, run.ctx)
        parameters = {**staff_parameters("give", account), "person": person}
        require_approval(TwoPersonAct.STAFF, parameters, run, name=account.name)
        done, changed = "The account has clerk's rights.", accounts.give_staff(email, person, *run.by)
    return f"{done} Its sessions have ended." if changed else "Nothing to change: the account already has this state."


def _person(person_id: str | None, run: AuthorityRun, *, staff: bool) -> str:
    """Return the digest of the clerk's person; empty without one."""
    if person_id is None:
        if staff and run.authority.settings.environment is Environment.PRODUCTION:
            raise OptionError("--person-id is missing: in PRODUCTION each clerk's account has one verified person")
        return ""
    if not staff:
        raise OptionError("--person-id belongs to clerk's rights: give it with --staff, or without --withdraw")
    if person_id == "-":
        person_id = octets_of("--person-id", Path("-")).decode("utf-8", "replace")
    try:
        return accounts.digest_of_person(person_id, run.ctx)
    except PersonIdError as bad:
        raise OptionError(f"--person-id: {bad}") from None


@verbs.command(_CLERK, also=_BY_OFFICER)
def reset_second_factor(run: AuthorityRun, *, email: str = _EMAIL) -> str:
    """Remove the second factors of a person who lost them; check first who asks."""
    account = accounts.account_of(email, run.ctx)
    # Who resets a clerk's second factor and reads the clerk's mail would become the clerk.
    if account.staff:
        parameters = staff_parameters("reset-second-factor", account)
        require_approval(TwoPersonAct.STAFF, parameters, run, name=account.name)
    if not accounts.reset_second_factor(email, *run.by):
        return "Nothing to change: the account has no second factor."
    return (
        "The second factors and recovery codes are removed, and the sessions have ended. The owner gets an e-mail "
        "and sets up a new second factor at the next sign-in."
    )


@verbs.command(_CLERK)
def deactivate(run: AuthorityRun, *, email: str = _EMAIL) -> str:
    """Close an account and end its sessions."""
    if accounts.deactivate(email, *run.by):
        return "The account is closed and its sessions have ended."
    return "Nothing to change: the account is already closed."


@verbs.command()
def list_(run: AuthorityRun) -> Listing:
    """List clerks' accounts."""
    return Listing(
        accounts.clerks(run.ctx),
        COLUMNS,
        "There are no clerks' accounts. Create one: sinetti authority account add EMAIL --name NAME --staff",
        fold={"email", "name"},
    )
