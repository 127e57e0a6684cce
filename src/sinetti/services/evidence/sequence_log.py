"""Sequencing of the log: rows enter the tree, and its head is signed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sinetti.database.evidence import log_tree, sequencer
from sinetti.database.evidence.sequencer import HeadSigner, SequencedEntries, Watermark
from sinetti.database.issuance import journal_records
from sinetti.journal.writer import JournalEntry
from sinetti.services.context import ServiceContext
from sinetti.wire.transparency.merkle import Lookup
from sinetti.wire.transparency.notes import Checkpoint, NoteSigner

_ACTOR = "service"


class LogKeyMissing(Exception):
    """Key of the log that is not in this node's folder; the sentence says what to do."""


class LogSequencer:
    """Sequencer of one process. Processes of all nodes may run at the same time."""

    def __init__(self) -> None:
        self._seen, self._after = Watermark(), -1
        self._journals: Mapping[str, str] = {}

    def run(self, ctx: ServiceContext, request_id: str) -> int:
        """Sequence all rows that are waiting, and return their number.

        Rows that come meanwhile wait for the next round, so that a head takes many of them. Without rows for an hour,
        the journals' ends become an entry, so that the newest head has a recent date. It begins the log if it has not
        begun. Raises LogKeyMissing if the log has a key that is not here, and LogDiverged if the log is not as it was
        signed. Does nothing if there are no keys at all, as without the pass-phrase.
        """
        signers = ctx.log_signers()
        if not signers or not self._is_begun(ctx, signers, request_id):
            return 0
        self._seen.raise_to_settled(ctx.db)
        count = 0
        while (is_due := sequencer.is_head_due(ctx.db, ctx.machine_now())) or sequencer.has_pending(
            ctx.db, self._seen, self._after
        ):
            chosen = current_signers(ctx, signers)
            ends = ctx.journal.heads()
            head = replace(
                _head(ctx, chosen),
                audit=ctx.audit_entry(_ACTOR, request_id),
                journals={} if ends == self._journals and not is_due else ends,
            )
            added = sequencer.sequence_rows(ctx.db, self._seen, self._after, head)
            if added is None:  # another process is at it
                break
            ctx.step("log-committed")
            ctx.journal.append([_line(added)])
            self._journals = _bound_ends(ends, ctx.journal.heads())
            count += len(added.leaves)
            if len(added.leaves) < sequencer.MOST_AT_ONCE:
                break
        return count

    def _is_begun(self, ctx: ServiceContext, signers: Sequence[NoteSigner], request_id: str) -> bool:
        if self._after >= 0:
            return True
        if (beginning := log_tree.find_beginning(ctx.db)) is None:
            first = signers[0]
            audit = ctx.audit_entry(_ACTOR, request_id)
            begun = sequencer.begin_log(ctx.db, self._seen, str(first.verifier), audit, _head(ctx, [first]))
            if begun is not None:
                ctx.journal.append([_line(begun)])
            beginning = log_tree.find_beginning(ctx.db)
        if beginning is not None:
            self._after = int(beginning.facts["last_sequence"] or 0)
        return beginning is not None


def current_signers(ctx: ServiceContext, signers: Sequence[NoteSigner]) -> list[NoteSigner]:
    """Return the signers of the log's keys, the newest first.

    Before the log begins, it is the key that will begin it. Raises LogKeyMissing without the newest.
    """
    keys, by_key = log_tree.log_keys(ctx.db), {signer.verifier: signer for signer in signers}
    if not keys:
        return list(signers[:1])
    if keys[0] not in by_key:
        raise LogKeyMissing(
            f"the log's key {keys[0].name}+{keys[0].key_id.hex()} is not in this node's folder: copy "
            f"keys/log-{keys[0].key_id.hex()}.pem from the node that made it"
        )
    return [by_key[key] for key in keys if key in by_key]


def _head(ctx: ServiceContext, signers: Sequence[NoteSigner]) -> HeadSigner:
    origin, now = signers[0].name, ctx.machine_now()

    def sign(size: int, root: bytes, lookup: Lookup) -> bytes:
        """Return the note of the new head."""
        return ctx.sign_head(Checkpoint(origin, size, root), signers, lookup, now)

    return HeadSigner(now, sign)


def _bound_ends(before: Mapping[str, str], after: Mapping[str, str]) -> Mapping[str, str]:
    """Return the journals' ends that no further entry has to bind.

    A line `logged` repeats what the tree has. If other lines came meanwhile, the next entry binds them.
    """
    lines = [sum(int(end.partition(" ")[0]) for end in ends.values()) for ends in (before, after)]
    return after if before.keys() == after.keys() and lines[1] == lines[0] + 1 else before


def _line(added: SequencedEntries) -> JournalEntry:
    return journal_records.logged(added.first, added.leaves, added.note, added.facts)
