"""Health checks: one function per dependency of the answers.

Each returns None if the dependency is well, otherwise the problem.
"""

from sinetti.database.authorities import register
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.issuance.crls import WHOLE
from sinetti.journal.reader import JournalError
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.context import ServiceContext
from sinetti.services.status.crl import LIFE, current_crl

STALE_AFTER = LIFE / 2
"""Age from which a CRL is stale.

CRLs are signed at least daily, so one that is half its life old has been missed for days.
"""

_AWAY = "the database cannot be reached: check the database and the network connection to it"
_GOES_ON = "status requests are answered from the last signed lists and OCSP responses, until these expire"


def register_check(ctx: ServiceContext) -> str | None:
    """Check that the database can be read."""
    try:
        register.issuing_names(ctx.db)
    except DATABASE_UNAVAILABLE:
        has_lists = any(ctx.last_signed.find_list(name, WHOLE, ctx.now()) for name in ctx.issuers)
        return f"{_AWAY}; {_GOES_ON}" if has_lists else _AWAY
    return None


def journal_check(ctx: ServiceContext) -> str | None:
    """Check that the journal can be written."""
    try:
        ctx.journal.check()
    except JournalError as failed:
        return str(failed)
    return None


def issuing_check(ctx: ServiceContext) -> str | None:
    """Check that the keys of the issuing CAs can be used."""
    try:
        for name in sorted(set(ctx.issuing.values())):
            ctx.signer.check(ctx.issuers[name].key_name)
    except SignerUnavailable as away:
        return f"an issuing key cannot be used ({away}): make it available again"
    return None


def lists_check(ctx: ServiceContext, request_id: str) -> str | None:
    """Check that the newest CRL of each issuing CA is younger than half its life.

    Signs a CRL that is due.
    """
    try:
        for name in sorted(set(ctx.issuing.values())):
            newest = current_crl(name, WHOLE, ctx, request_id)
            if newest is None or ctx.now() >= newest.this_update + STALE_AFTER:
                return f"the newest revocation list of {name} is {STALE_AFTER.days} days old: see the log"
    except DATABASE_UNAVAILABLE:
        return _AWAY
    except (SignerUnavailable, JournalError) as away:
        return f"no revocation list can be signed, and the last one has expired: {away}"
    return None
