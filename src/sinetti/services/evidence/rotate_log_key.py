"""Change of the log's key, recorded by an entry that both keys sign."""

from collections.abc import Callable

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.evidence import log_tree, sequencer
from sinetti.services.context import ServiceContext
from sinetti.services.evidence.sequence_log import LogKeyMissing, current_signers
from sinetti.wire.transparency.key_rotation import ACTION, rotation_facts
from sinetti.wire.transparency.notes import NoteSigner, VerifierKey


def rotate_log_key(
    create: Callable[[str], NoteSigner], ctx: ServiceContext, audit: AuditContext
) -> tuple[VerifierKey, VerifierKey]:
    """Create a key for the log, record the change, and return the old and the new key.

    Heads have the signatures of both keys while both are in the folder. Raises LogKeyMissing without the old key.
    """
    with sequencer.locked_tree(ctx.db):  # of two changes at a time, the second follows the first
        if not log_tree.log_keys(ctx.db):
            raise LogKeyMissing("the log has not begun yet, so it has no key: start sinetti authority serve first")
        old, *_ = current_signers(ctx, ctx.log_signers())
        new = create(old.name)
        audit_log.write(ctx.db, audit, ACTION, log_tree.LOG, **rotation_facts(old, new))
    return old.verifier, new.verifier
