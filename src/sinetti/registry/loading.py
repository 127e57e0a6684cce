"""Files of organisations that clerks send: what was shown is kept, and carried out some changes at a time."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from sinetti.domain.organisation_load import Change, ChangeKind, Difference, Slip, Wrong, as_told
from sinetti.domain.values import CustomerKind
from sinetti.registry import audit, organisations
from sinetti.registry.audit import Deed
from sinetti.registry.eservice_models import OrganisationLoad
from sinetti.registry.opening import Register


@dataclass(frozen=True, slots=True)
class Load:
    """A file as it was compared with the register, and how far its changes are carried out."""

    load_id: str
    created: datetime
    content: bytes = field(repr=False)
    difference: Difference = field(repr=False)
    digest: str
    accepted_at: datetime | None
    position: int
    passed_over: int
    done_at: datetime | None


def add(register: Register, content: bytes, found: tuple[Difference, str], user_id: str, deed: Deed) -> str:
    """Keep a file with what it would change and the digest of that; returns its id."""
    difference, digest = found
    with transaction.atomic(using=register.alias):
        row = _all(register).create(
            user_id=user_id, created=deed.at, content=content, digest=digest, **_told(difference)
        )
        audit.write(register, deed, "load-compared", f"load:{row.load_id}", changes=len(difference.changes))
    return row.load_id


def compare_again(register: Register, load_id: str, difference: Difference, digest: str) -> None:
    """Keep what the file would change now, where nobody has accepted it yet."""
    _all(register).filter(pk=load_id, accepted_at__isnull=True).update(digest=digest, **_told(difference))


def accept(register: Register, load_id: str, digest: str, deed: Deed) -> bool:
    """Accept exactly the changes of this digest, once; whether this call did. The file is kept no longer."""
    with transaction.atomic(using=register.alias):
        rows = _all(register).filter(pk=load_id, digest=digest, accepted_at__isnull=True)
        if not rows.update(accepted_at=deed.at, content=b""):
            return False
        audit.write(register, deed, "load-accepted", f"load:{load_id}", digest=digest)
    return True


def carry_on(register: Register, load_id: str, most: int, deed: Deed) -> bool:
    """Make the next changes of an accepted file, in one transaction with how far it is; whether more are left."""
    with transaction.atomic(using=register.alias):
        rows = _all(register).filter(pk=load_id, accepted_at__isnull=False, done_at__isnull=True)
        # Taken first: two that press the button at once make each change once.
        if not rows.update(position=F("position")):
            return False
        row = rows.get()
        part = [_change(one) for one in row.changes[row.position : row.position + most]]
        passed_over = organisations.apply(register, part, deed)
        position = row.position + len(part)
        done = position >= len(row.changes)
        rows.update(position=position, passed_over=row.passed_over + passed_over, done_at=deed.at if done else None)
        if done:
            audit.write(register, deed, "load-done", f"load:{load_id}", changes=position)
    return not done


def find(register: Register, load_id: str) -> Load | None:
    """The file with this id."""
    row = _all(register).filter(pk=load_id).first()
    return None if row is None else _load(row)


def newest(register: Register, most: int) -> tuple[tuple[str, datetime, int, datetime | None], ...]:
    """The files that were sent last: id, when, how many changes are done, and when it was all done."""
    rows = _all(register).order_by("-created", "pk").values_list("load_id", "created", "position", "done_at")
    return tuple(rows[:most])


def _told(difference: Difference) -> dict[str, object]:
    return {
        "changes": [as_told(one) for one in difference.changes],
        "wrong": [asdict(one) for one in difference.wrong],
        "unchanged": difference.unchanged,
    }


def _change(told: dict[str, object]) -> Change:
    values = {**told, "kind": ChangeKind(str(told["kind"])), "id_kind": CustomerKind(str(told["id_kind"]))}
    return Change(**values)  # type: ignore[arg-type] # as it was written


def _load(row: OrganisationLoad) -> Load:
    wrong = tuple(Wrong(one["line"], one["column"], Slip(one["slip"]), one.get("known", "")) for one in row.wrong)
    return Load(
        row.load_id,
        row.created,
        bytes(row.content),
        Difference(tuple(_change(one) for one in row.changes), wrong, row.unchanged),
        row.digest,
        row.accepted_at,
        row.position,
        row.passed_over,
        row.done_at,
    )


def _all(register: Register) -> "QuerySet[OrganisationLoad]":
    return OrganisationLoad.objects.using(register.alias)
