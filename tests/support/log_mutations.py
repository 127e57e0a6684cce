"""Changes of a log that the service did not make: each kind of entry in each place, by name.

`python -m tests.support.log_mutations 10000` applies so many random ones, and fails at the first that
`audit verify` does not find.
"""

import json
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from django.db import connections

from sinetti.database.common import audit_log
from sinetti.database.connection import Database, open_database
from sinetti.domain.operations.log_entries import EntryKind, kind_of
from sinetti.journal.reader import SUFFIX, head_record
from sinetti.services.evidence import read_log
from sinetti.services.evidence.sequence_log import LogSequencer
from sinetti.services.evidence.verify_log import LogReport, LogSources, verify_log
from sinetti.wire.transparency.merkle import leaf_hash
from sinetti.wire.transparency.notes import Checkpoint, SignedNote
from tests.support.journals import keeping
from tests.support.logs import AUDIT, LOG_KEY, REQUEST, WRONG_KEY, logging
from tests.support.registers import all_connections_closed, copied_file
from tests.support.scene import Scene, enrolled, opened_scene

ACTIONS = {
    EntryKind.ISSUED: "certificate-issued",
    EntryKind.FETCHED: "certificate-fetched",
    EntryKind.REVOKED: "certificate-revoked",
    EntryKind.UNREGISTERED: "certificate-unregistered",
    EntryKind.REFUSED: "request-refused",
    EntryKind.ORDER: "ordered",
    EntryKind.ROLE: "authorisation-given",
    EntryKind.CONTACT: "contact-changed",
    EntryKind.ACCOUNT: "account-made",
    EntryKind.ORGANISATION: "organisation-renamed",
    EntryKind.STAFF: "bulk-proposed",
    EntryKind.LOOK: "looked",
    EntryKind.SETTING: "clock-accepted",
    EntryKind.LIST: "crl-published",
    EntryKind.CA: "ca-retired",
    EntryKind.APPROVAL: "approval-given",
    EntryKind.LOG: "log-journals",
}
"""An action of each kind of entry."""

LATER = AUDIT.at + timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BuiltLog:
    """Files of a log: its database and journals now, the same at an earlier time, and the newest checkpoint."""

    folder: Path
    instance_id: str
    newest: Checkpoint

    @property
    def register(self) -> Path:
        """File of the database."""
        return self.folder / "register.sqlite3"

    @property
    def earlier(self) -> Path:
        """Folder of the earlier files."""
        return self.folder / "earlier"


def build_log(folder: Path) -> BuiltLog:
    """Build a log with entries of every kind, several checkpoints, a complete tile, and a journal."""
    folder.mkdir(parents=True, exist_ok=True)
    with copied_file(folder / "register.sqlite3") as url, all_connections_closed():
        scene = opened_scene(open_database(url, alias="mutations"))
        with keeping(scene, folder) as journalling:
            ctx, sequencer = logging(journalling.ctx), LogSequencer()
            kept = replace(journalling, ctx=ctx)
            for number in range(4):
                _write_kinds(kept, 4)
                enrolled(kept)
                sequencer.run(ctx, REQUEST)
                if number == 1:
                    _copy(kept, folder)
            sequencer.run(ctx, REQUEST)
            note = read_log.head(ctx.db)
            instance = ctx.journal.instance_id
        _flush(kept)
    for register in (folder / "register.sqlite3", folder / "earlier" / "register.sqlite3"):
        _drop_triggers(register)
    assert note is not None
    return BuiltLog(folder, instance, Checkpoint.parse(SignedNote.parse(note).text))


def _drop_triggers(register: Path) -> None:
    connection = sqlite3.connect(register)
    with connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
    connection.close()


def _write_kinds(scene: Scene, times: int) -> None:
    for action in ACTIONS.values():
        if action != "log-journals":  # the sequencer writes those
            subjects = [f"thing:{action}:{number}" for number in range(times)]
            audit_log.write_each(scene.db, AUDIT, action, subjects, reason="x")


def _flush(scene: Scene) -> None:
    with connections[scene.db.alias].cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(scene: Scene, folder: Path) -> None:
    _flush(scene)
    place = folder / "earlier"
    place.mkdir()
    shutil.copyfile(folder / "register.sqlite3", place / "register.sqlite3")
    shutil.copytree(folder / "journal", place / "journal")


@dataclass(slots=True)
class Case:
    """A copy of a log to be changed: its register, its journal, and the entry that is aimed at."""

    register: sqlite3.Connection
    journals: Path
    draw: random.Random
    index: int
    known: tuple[Checkpoint, ...] = ()

    def one(self, statement: str, *values: object) -> tuple:
        """Return the first row of a query."""
        return self.register.execute(statement, values).fetchone()

    def run(self, statement: str, *values: object) -> None:
        """Run a statement that changes at least one row."""
        assert self.register.execute(statement, values).rowcount

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.one("SELECT COUNT(*) FROM sinetti_logentry")[0]

    @property
    def row(self) -> tuple[int, bytes]:
        """Sequence number and octets of the aimed entry."""
        return self.one(
            "SELECT sequence, octets FROM sinetti_auditevent WHERE sequence ="
            ' (SELECT sequence FROM sinetti_logentry WHERE "index" = ?)',
            self.index,
        )

    @property
    def journal(self) -> Path:
        """File of the journal."""
        (found,) = self.journals.glob("*.jsonl")
        return found

    def other(self) -> int:
        """Draw another entry."""
        return self.draw.choice([one for one in range(self.size) if one != self.index])


def _column(name: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        value = "2020-01-01 00:00:00" if name == "at" else "0" * 64 if name == "sha256" else "another"
        case.run(f"UPDATE sinetti_auditevent SET {name} = ? WHERE sequence = ?", value, case.row[0])

    return change


def _forged(case: Case) -> tuple[int, bytes]:
    """Give the aimed row to another actor, with its columns and its digest."""
    sequence, octets = case.row
    row = json.loads(octets) | {"actor": "user:other"}
    forged = json.dumps(row, sort_keys=True, separators=(",", ":")).encode()
    case.run(
        "UPDATE sinetti_auditevent SET octets = ?, actor = ?, sha256 = ? WHERE sequence = ?",
        forged, "user:other", sha256(forged).hexdigest(), sequence,
    )  # fmt: skip
    return sequence, forged


def octets_alone(case: Case) -> None:
    """Change one octet of an entry."""
    sequence, octets = case.row
    place = case.draw.randrange(len(octets))
    changed = octets[:place] + bytes([octets[place] ^ case.draw.randint(1, 127)]) + octets[place + 1 :]
    case.run("UPDATE sinetti_auditevent SET octets = ? WHERE sequence = ?", changed, sequence)


def row_given_to_another_actor(case: Case) -> None:
    """Change the whole row, as one that was written so."""
    _forged(case)


def row_and_leaf(case: Case) -> None:
    """Change the row and its hash in the tree."""
    sequence, forged = _forged(case)
    case.run("UPDATE sinetti_logentry SET leaf = ? WHERE sequence = ?", leaf_hash(forged), sequence)


def leaf(case: Case) -> None:
    """Change a hash of the tree."""
    case.run('UPDATE sinetti_logentry SET leaf = ? WHERE "index" = ?', case.draw.randbytes(32), case.index)


def row_deleted(case: Case) -> None:
    """Delete an audit row."""
    case.run("DELETE FROM sinetti_auditevent WHERE sequence = ?", case.row[0])


def row_deleted_and_declared_lost(case: Case) -> None:
    """Delete an audit row, and let its entry look like one whose row was lost."""
    case.run("DELETE FROM sinetti_auditevent WHERE sequence = ?", case.row[0])
    case.run('UPDATE sinetti_logentry SET sequence = NULL WHERE "index" = ?', case.index)


def entry_deleted(case: Case) -> None:
    """Delete an entry, and keep its row."""
    case.run('DELETE FROM sinetti_logentry WHERE "index" = ?', case.index)


def both_deleted(case: Case) -> None:
    """Delete a row with its entry."""
    sequence = case.row[0]
    entry_deleted(case)
    case.run("DELETE FROM sinetti_auditevent WHERE sequence = ?", sequence)


def deleted_without_a_gap(case: Case) -> None:
    """Delete a row with its entry, and close the gap."""
    both_deleted(case)
    _shift(case, "> ?", -1)


def _shift(case: Case, where: str, by: int) -> None:
    case.register.execute(
        f'UPDATE sinetti_logentry SET "index" = -("index" + ?) - 1 WHERE "index" {where}', (by, case.index)
    )
    case.register.execute('UPDATE sinetti_logentry SET "index" = -"index" - 1 WHERE "index" < 0')


def inserted_row(case: Case) -> None:
    """Insert a row before all others."""
    sequence, octets = case.row
    case.run(
        "INSERT INTO sinetti_auditevent (sequence, at, actor, action, object, request_id, octets, sha256)"
        " SELECT ?, at, actor, action, object, request_id, octets, sha256 FROM sinetti_auditevent WHERE sequence = ?",
        -case.draw.randint(1, 99), sequence,
    )  # fmt: skip
    assert octets


def inserted_entry(case: Case) -> None:
    """Insert a row that is an entry, and make room for it."""
    octets = case.row[1].replace(b'"reason":"x"', b'"reason":"y"') + b" "
    new = case.one("SELECT MAX(sequence) + 1 FROM sinetti_auditevent")[0]
    case.run(
        "INSERT INTO sinetti_auditevent (sequence, at, actor, action, object, request_id, octets, sha256)"
        " SELECT ?, at, actor, action, object, request_id, ?, ? FROM sinetti_auditevent WHERE sequence = ?",
        new, octets, sha256(octets).hexdigest(), case.row[0],
    )  # fmt: skip
    _shift(case, ">= ?", 1)
    case.run("INSERT INTO sinetti_logentry VALUES (?, ?, ?)", case.index, new, leaf_hash(octets))


def order_of_entries(case: Case) -> None:
    """Exchange two entries with their rows."""
    other = case.other()
    pairs = [
        case.one('SELECT sequence, leaf FROM sinetti_logentry WHERE "index" = ?', one) for one in (case.index, other)
    ]
    for index in (case.index, other):
        case.run('DELETE FROM sinetti_logentry WHERE "index" = ?', index)
    for index, pair in zip((other, case.index), pairs, strict=True):
        case.run("INSERT INTO sinetti_logentry VALUES (?, ?, ?)", index, *pair)


def rows_exchanged(case: Case) -> None:
    """Exchange the contents of two rows."""
    other = case.one('SELECT sequence FROM sinetti_logentry WHERE "index" = ?', case.other())[0]
    own = case.row[0]
    for old, new in ((own, -1), (other, own), (-1, other)):
        case.run("UPDATE sinetti_auditevent SET sequence = ? WHERE sequence = ?", new, old)


def truncated(case: Case) -> None:
    """Rewind the tables of the log to an earlier checkpoint."""
    size = case.draw.choice(
        case.register.execute("SELECT size FROM sinetti_logcheckpoint ORDER BY size").fetchall()[:-1]
    )[0]
    for table, column in (("logentry", '"index" >='), ("logcheckpoint", "size >")):
        case.run(f"DELETE FROM sinetti_{table} WHERE {column} ?", size)
    case.register.execute('DELETE FROM sinetti_lognode WHERE ("index" + 1) * 256 > ?', (size,))


def truncated_with_rows(case: Case) -> None:
    """Rewind the database as a whole, and leave the journal."""
    truncated(case)
    case.run(
        "DELETE FROM sinetti_auditevent WHERE NOT EXISTS"
        " (SELECT 1 FROM sinetti_logentry e WHERE e.sequence = sinetti_auditevent.sequence)"
    )


def node_changed(case: Case) -> None:
    """Change a hash inside the tree."""
    case.run("UPDATE sinetti_lognode SET digest = ?", case.draw.randbytes(32))


def node_deleted(case: Case) -> None:
    """Delete a hash inside the tree."""
    case.run("DELETE FROM sinetti_lognode")


def _checkpoint(case: Case) -> tuple[int, bytes]:
    return case.draw.choice(case.register.execute("SELECT size, note FROM sinetti_logcheckpoint").fetchall())


def checkpoint_octets(case: Case) -> None:
    """Change one octet of a checkpoint."""
    size, note = _checkpoint(case)
    place = case.draw.randrange(len(note) - 2)  # the last bits of base64 mean nothing
    changed = note[:place] + bytes([note[place] ^ 1]) + note[place + 1 :]
    case.run("UPDATE sinetti_logcheckpoint SET note = ? WHERE size = ?", changed, size)


def checkpoint_of_another_key(case: Case) -> None:
    """Sign a checkpoint with another key."""
    size, note = _checkpoint(case)
    forged = Checkpoint.parse(SignedNote.parse(note).text).signed(WRONG_KEY)
    case.run("UPDATE sinetti_logcheckpoint SET note = ? WHERE size = ?", forged, size)


def checkpoint_of_another_root(case: Case) -> None:
    """Sign another tree with the log's own key."""
    size, _ = _checkpoint(case)
    forged = Checkpoint(LOG_KEY.name, size, case.draw.randbytes(32)).signed(LOG_KEY)
    case.run("UPDATE sinetti_logcheckpoint SET note = ? WHERE size = ?", forged, size)


def checkpoint_deleted(case: Case) -> None:
    """Delete a checkpoint."""
    case.run("DELETE FROM sinetti_logcheckpoint WHERE size = ?", _checkpoint(case)[0])


def _lines(case: Case) -> list[bytes]:
    return case.journal.read_bytes().splitlines(keepends=True)


def _write_lines(case: Case, lines: list[bytes]) -> None:
    case.journal.write_bytes(b"".join(lines))


def _chained(case: Case, bodies: list[dict]) -> None:
    """Write a journal of these lines, with chain and head as its writer makes them."""
    previous, lines = "0" * 64, []
    for number, body in enumerate(bodies, 1):
        whole = body | {"sequence": number, "previous": previous}
        octets = json.dumps({name: whole[name] for name in ("sequence", "at", "kind", "facts", "previous")},
                            separators=(",", ":")).encode()  # fmt: skip
        line = octets[:-1] + SUFFIX + sha256(octets).hexdigest().encode() + b'"}'
        previous = sha256(line).hexdigest()
        lines.append(line + b"\n")
    _write_lines(case, lines)
    case.journal.with_name(f"{case.journal.name}.head").write_bytes(head_record(len(lines), previous))


def journal_octet(case: Case) -> None:
    """Change one octet of the journal."""
    octets = case.journal.read_bytes()
    place = case.draw.randrange(len(octets) - 1)
    case.journal.write_bytes(octets[:place] + bytes([octets[place] ^ 1]) + octets[place + 1 :])


def journal_line_deleted(case: Case) -> None:
    """Delete a line of the journal."""
    lines = _lines(case)
    del lines[case.draw.randrange(len(lines))]
    _write_lines(case, lines)


def journal_lines_exchanged(case: Case) -> None:
    """Exchange two lines of the journal."""
    lines = _lines(case)
    first, second = case.draw.sample(range(len(lines)), 2)
    lines[first], lines[second] = lines[second], lines[first]
    _write_lines(case, lines)


def journal_line_rewritten(case: Case) -> None:
    """Change a fact, and compute chain and head anew."""
    bodies = [json.loads(line) for line in _lines(case)]
    body = case.draw.choice([one for one in bodies if one["kind"] in {"issued", "fetched"}])
    body["at"] = "2020-01-01T00:00:00Z"
    _chained(case, bodies)


def journal_line_forged(case: Case) -> None:
    """Add a fact that never was, and compute chain and head anew."""
    bodies = [json.loads(line) for line in _lines(case)]
    fact = next(one for one in bodies if one["kind"] == "fetched")
    _chained(case, [*bodies, fact | {"facts": fact["facts"] | {"entry": case.draw.randbytes(32).hex()}}])


def journal_cut_off(case: Case) -> None:
    """Cut the journal off before its last facts, and compute the head anew."""
    bodies = [json.loads(line) for line in _lines(case)]
    last = max(number for number, one in enumerate(bodies) if one["kind"] != "logged")
    _chained(case, bodies[: case.draw.randint(1, last)])


def journal_removed(case: Case) -> None:
    """Remove the journal, and leave its head."""
    case.journal.unlink()


def head_of_the_journal(case: Case) -> None:
    """Change the file with the end of the journal."""
    path = case.journal.with_name(f"{case.journal.name}.head")
    number, digest = path.read_text().split()
    more = case.draw.choice((0, 1))
    path.write_bytes(head_record(int(number) + more, digest[::-1]))


MUTATIONS: dict[str, Callable[[Case], None]] = {
    **{f"column {name}": _column(name) for name in ("at", "actor", "action", "object", "request_id", "sha256")},
    **{
        one.__name__.replace("_", " "): one
        for one in (
            octets_alone, row_given_to_another_actor, row_and_leaf, leaf, row_deleted, row_deleted_and_declared_lost,
            entry_deleted, both_deleted, deleted_without_a_gap, inserted_row, inserted_entry, order_of_entries,
            rows_exchanged, truncated, truncated_with_rows, node_changed, node_deleted, checkpoint_octets,
            checkpoint_of_another_key, checkpoint_of_another_root, checkpoint_deleted, journal_octet,
            journal_line_deleted, journal_lines_exchanged, journal_line_rewritten, journal_line_forged,
            journal_cut_off, journal_removed, head_of_the_journal,
        )
    },
}  # fmt: skip
REWOUND = "everything rewound"
"""Change that is found only against a checkpoint that was kept elsewhere."""

NAMES = (*MUTATIONS, REWOUND)


def entries_by_kind(built: BuiltLog) -> dict[EntryKind, list[int]]:
    """Return the indices of the entries of each kind."""
    found: dict[EntryKind, list[int]] = {}
    with sqlite3.connect(built.register) as register:
        query = 'SELECT e."index", a.action FROM sinetti_logentry e JOIN sinetti_auditevent a USING (sequence)'
        for index, action in register.execute(query):
            found.setdefault(kind_of(action), []).append(index)
    register.close()
    return found


def mutated(built: BuiltLog, name: str, index: int, draw: random.Random, place: Path) -> LogReport:
    """Apply a change to a copy of the log, and return what `audit verify` finds."""
    source = built.earlier if name == REWOUND else built.folder
    shutil.copyfile(source / "register.sqlite3", place / "register.sqlite3")
    shutil.rmtree(place / "journal", ignore_errors=True)
    shutil.copytree(source / "journal", place / "journal")
    known = (built.newest,) if name == REWOUND else ()
    if name != REWOUND:
        register = sqlite3.connect(place / "register.sqlite3")
        with register:
            MUTATIONS[name](Case(register, place / "journal", draw, index))
        register.close()
    return verified(built, place, known)


def verified(built: BuiltLog, place: Path, known: tuple[Checkpoint, ...] = ()) -> LogReport:
    """Return what `audit verify` finds in a copy of the log."""
    db: Database = open_database(f"sqlite:///{place / 'register.sqlite3'}", alias="mutated")
    try:
        return verify_log(LogSources(db, place / "journal", built.instance_id, known), LATER)
    finally:
        db.close()


def run(built: BuiltLog, count: int, seed: int, place: Path) -> Counter[tuple[str, str]]:
    """Apply random changes and return their numbers by name and kind; raise AssertionError at one not found."""
    draw, kinds, done = random.Random(seed), entries_by_kind(built), Counter[tuple[str, str]]()
    for number in range(count):
        name, kind = NAMES[number % len(NAMES)], draw.choice(sorted(kinds))
        index = draw.choice(kinds[kind])
        report = mutated(built, name, index, draw, place)
        assert report.fault is not None, f"seed {seed}, number {number}: {name} of entry {index} ({kind}) was not found"
        done[name, kind] += 1
    return done


def main(count: int, seed: int) -> None:
    """Apply so many changes, and print how often each place was changed."""
    with tempfile.TemporaryDirectory() as folder:
        built = build_log(Path(folder) / "built")
        place = Path(folder) / "place"
        place.mkdir()
        done = run(built, count, seed, place)
    names, kinds = (Counter[str](), Counter[str]())
    for (name, kind), times in done.items():
        names[name] += times
        kinds[kind] += times
    for title, table in (("places", names), ("kinds", kinds)):
        print(f"{title}: {', '.join(f'{name} {times}' for name, times in sorted(table.items()))}")
    print(f"{count} changes, all found")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32))
