"""Exchange between an online authority and ceremonies, from the founding to new officers."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.ceremony_requests import (
    begin_founding,
    import_founding,
    import_signed,
    request_lists,
    request_officers,
    waiting_request,
)
from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, FolderError
from sinetti.authority.initialise import initialise
from sinetti.ca.ceremony.sets import CeremonyKind
from sinetti.ca.ceremony.words import CeremonyError
from sinetti.ca.crl import read_list
from sinetti.database import models
from sinetti.database.issuance import crls
from sinetti.domain.approvals.officers import OfficerError
from sinetti.services.approvals.officers import list_officers, remove_officer
from sinetti.services.status.crl import current_crl
from tests.support.ceremonies import (
    NOW,
    PASSPHRASE,
    QUICK,
    ROOTS,
    SETTINGS,
    Founded,
    ceremony,
    founded,
    founding,
    options,
    plan_text,
)
from tests.support.foundings import copy_founded
from tests.support.officers import checked_founders
from tests.support.registers import all_connections_closed

TEXT = plan_text(hierarchy=QUICK)
LISTS, OFFICERS = plan_text(CeremonyKind.LISTS), plan_text(CeremonyKind.OFFICERS)
LATER = NOW + timedelta(hours=4)


@pytest.fixture(autouse=True)
def closed():
    with all_connections_closed():
        yield


@pytest.fixture
def there(tmp_path):
    """Return a copy of an authority that a ceremony founded."""
    return founded().copied_to(tmp_path)


def begun(tmp_path, **changes):
    """Return a request, its result from a ceremony, and the custodians' sheets."""
    request = begin_founding(tmp_path / "authority", founding(hierarchy=QUICK, **changes))
    done = ceremony(tmp_path, TEXT, request)
    done.run()
    return request, (tmp_path / "carried" / "result-set.json").read_bytes(), done.desk.sheets


def test_a_founding(there):
    folder, authority = DataDirectory(there.root), there.opened()
    assert authority.responses.seal()
    assert authority.ctx.offline == set(ROOTS)
    for name in ROOTS:
        assert read_list(current_crl(name, 1, authority.ctx, "request").der).entries == ()
    for path in (
        folder.request_set,
        folder.result_set,
        folder.founders,
        folder.founding,
        *folder.root.glob("ca/*.crl"),
    ):
        assert not path.exists()
    assert (folder.trust / "holders.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 4
    assert (folder.trust / "services.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 3
    keys = {path.stem for path in folder.keys.glob("*.pem")}
    assert not keys & set(ROOTS)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.keys.iterdir() if path.suffix == ".pem")


def test_the_folder_awaits_its_certificates(tmp_path):
    root = tmp_path / "authority"
    request = begin_founding(root, founding(hierarchy=QUICK))
    assert begin_founding(root, founding(hierarchy=QUICK)) == request == waiting_request(DataDirectory(root))
    with pytest.raises(FolderDamaged, match="awaits its certificates"):
        open_authority(root, DirectoryKind.AUTHORITY, passphrase=PASSPHRASE)
    with pytest.raises(FolderDamaged, match="awaits its certificates"):
        initialise(root, founding(hierarchy=QUICK))
    others = (
        founding(),
        founding(hierarchy=QUICK, officers=checked_founders()),
        founding(hierarchy=QUICK, settings=replace(SETTINGS, base_url="http://other.example")),
    )
    for other in others:
        with pytest.raises(FolderError, match="the same options"):
            begin_founding(root, other)
    (root / "founders.json").write_text("{}")
    with pytest.raises(FolderDamaged, match=r"founders\.json is damaged"):
        begin_founding(root, founding(hierarchy=QUICK))


def test_an_interrupted_founding_on_one_machine_is_not_continued_by_a_ceremony(tmp_path):
    def stop(reached):
        if reached == "in place":
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        initialise(tmp_path / "authority", founding(hierarchy=QUICK, step=stop))
    with pytest.raises(FolderError, match="another founding was begun"):
        begin_founding(tmp_path / "authority", founding(hierarchy=QUICK))


def test_founders_come_from_the_beginning(tmp_path):
    _, result, _ = begun(tmp_path, officers=checked_founders())
    import_founding(tmp_path / "authority", result, options())
    authority = open_authority(tmp_path / "authority", DirectoryKind.AUTHORITY, passphrase=PASSPHRASE)
    assert [one.name for one in list_officers(authority.ctx)] == ["anna", "ben", "carl"]


PROGRAM = """
import os, sys
from pathlib import Path
from tests.support.ceremonies import QUICK, founding, options
from sinetti.authority.ceremony_requests import begin_founding, import_founding, import_signed

folder, what, point = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
step = lambda reached: os._exit(9) if reached == point else None
if what == "begin":
    begin_founding(folder / "authority", founding(hierarchy=QUICK, step=step))
elif what == "signed":
    from tests.support.ceremonies import PASSPHRASE, Founded
    authority = Founded(folder / "authority", folder / "medium", {}).opened()
    import_signed(authority, (folder / "second" / "result-set.json").read_bytes(), options(step=step))
else:
    import_founding(folder / "authority", (folder / "carried" / "result-set.json").read_bytes(), options(step=step))
"""


def killed(tmp_path, what, point):
    """Run in a process that ends at this point, as by SIGKILL."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), what, point]
    place = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr


@pytest.mark.long
@pytest.mark.parametrize("point", ["written", "in place"])
def test_killed_while_it_begins(point, tmp_path):
    killed(tmp_path, "begin", point)
    _, result, _ = begun(tmp_path)
    import_founding(tmp_path / "authority", result, options())
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.long
@pytest.mark.parametrize("point", ["result", "certificate", "certificates", "migrated", "committed", "founded"])
def test_killed_while_a_founding_is_taken_in(point, tmp_path):
    _, result, _ = begun(tmp_path)
    killed(tmp_path, "import", point)
    root = tmp_path / "authority"
    if point == "founded":
        authority = open_authority(root, DirectoryKind.AUTHORITY, passphrase=PASSPHRASE)
        with pytest.raises(FolderError, match="it was taken in"):
            import_signed(authority, result, options())
        assert not (root / "founders.json").exists()
        return
    with pytest.raises(FolderDamaged, match="awaits its certificates"):
        open_authority(root, DirectoryKind.AUTHORITY, passphrase=PASSPHRASE)
    import_founding(root, result, options())
    assert open_authority(root, DirectoryKind.AUTHORITY, passphrase=PASSPHRASE).responses.seal()
    with pytest.raises(FolderError, match="no request"):
        import_founding(root, result, options())


def test_a_second_result_of_one_request_is_refused_once_the_first_was_begun(tmp_path):
    request, result, _ = begun(tmp_path)
    (tmp_path / "other").mkdir()
    ceremony(tmp_path / "other", TEXT, request).run()
    other = (tmp_path / "other" / "carried" / "result-set.json").read_bytes()
    root = tmp_path / "authority"

    def stop(reached):
        if reached == "certificate":
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        import_founding(root, result, options(step=stop))
    with pytest.raises(CeremonyError, match="another result of this request"):
        import_founding(root, other, options())
    import_founding(root, result, options())


def test_a_clock_before_the_request(tmp_path):
    _, result, _ = begun(tmp_path)
    with pytest.raises(CeremonyError, match="the clock of this machine"):
        import_founding(tmp_path / "authority", result, options(NOW - timedelta(seconds=1)))


def test_lists(there, tmp_path):
    authority = there.opened()
    before = {name: current_crl(name, 0, authority.ctx, "request").number for name in ROOTS}
    request = request_lists(authority)
    result = there.answer(tmp_path, request, LISTS)
    import_signed(authority, result, options(LATER))
    for name in ROOTS:
        for shard in (0, 1):
            new = current_crl(name, shard, authority.ctx, "request")
            assert new.number > before[name]
            assert new.next_update - new.this_update == timedelta(days=365)
    kept = sorted(path.name for path in authority.journal.folder.rglob("*") if ROOTS[0] in path.name)
    assert kept, "the list is beside the journal"
    with pytest.raises(FolderError, match="no request"):
        import_signed(authority, result, options(LATER))


def test_lists_are_taken_in_after_an_interruption(there, tmp_path):
    authority = there.opened()
    result = there.answer(tmp_path, request_lists(authority), LISTS)

    def stop(reached):
        if reached == "list":
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        import_signed(authority, result, options(LATER, step=stop))
    import_signed(authority, result, options(LATER))
    numbers = {current_crl(name, 0, authority.ctx, "request").number for name in ROOTS}
    assert min(numbers) > int(NOW.timestamp() * 1000)


@pytest.mark.long
@pytest.mark.parametrize("point", ["list", "stored"])
def test_killed_while_lists_are_taken_in(point, there, tmp_path):
    authority = there.opened(NOW)
    request = request_lists(authority)
    result = there.answer(tmp_path, request, LISTS)
    authority.ctx.db.close()
    killed(tmp_path, "signed", point)
    import_signed(there.opened(), result, options())
    assert not DataDirectory(there.root).request_set.exists()
    numbers = {(one.name, one.shard): one.number for one in request.lists}
    stored = {(row.authority_id, row.shard): row.number for row in models.Crl.objects.all()}
    assert {place: stored[place] for place in numbers} == numbers


def test_a_revocation_after_the_request(there, tmp_path):
    authority = there.opened()
    result = there.answer(tmp_path, request_lists(authority), LISTS)
    models.Crl.objects.filter(authority_id=ROOTS[0]).update(revocations=1)
    authority.ctx.crl_cache.clear()
    with pytest.raises(CeremonyError, match="was revoked after the request"):
        import_signed(authority, result, options(LATER))
    assert crls.latest_crl(authority.ctx.db, ROOTS[0], 0).revocations == 1


def test_a_request_for_lists_needs_offline_keys(tmp_path):
    copy_founded(tmp_path / "authority", founding(hierarchy=QUICK))
    authority = open_authority(tmp_path / "authority", DirectoryKind.AUTHORITY, passphrase=PASSPHRASE)
    with pytest.raises(FolderError, match="no key of this authority is offline"):
        request_lists(authority)


def test_new_officers_replace_lost_ones(tmp_path):
    _, founded_by, sheets = begun(tmp_path, officers=checked_founders())
    import_founding(tmp_path / "authority", founded_by, options())
    there = Founded(tmp_path / "authority", tmp_path / "medium", sheets)
    authority = there.opened()
    request = request_officers(authority)
    assert [one.name for one in request.officers] == ["anna", "ben", "carl"]
    result = there.answer(tmp_path, request, OFFICERS)
    import_signed(authority, result, options(LATER))
    assert in_force(authority) == ["dora", "emil"]
    actions = list(models.AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
    first = actions.index("officers-recovered")
    assert actions[first:] == ["officers-recovered", *["officer-removed"] * 3, *["officer-added"] * 2]
    # The same officers again: nothing changes, and no second entry is written.
    again = there.answer(tmp_path, request_officers(authority), OFFICERS, "third")
    import_signed(authority, again, options(LATER))
    assert models.AuditEvent.objects.filter(action="officers-recovered").count() == 1
    old = there.answer(
        tmp_path, request_officers(authority), plan_text(CeremonyKind.OFFICERS, officers=("anna", "ben")), "old"
    )
    with pytest.raises(OfficerError, match="each new officer needs a new key"):
        import_signed(authority, old, options(LATER))
    assert in_force(authority) == ["dora", "emil"]


def test_officers_that_changed_after_the_request_are_not_replaced(tmp_path):
    """A result that was never taken in would otherwise replace later officers, too."""
    _, founded_by, sheets = begun(tmp_path, officers=checked_founders())
    import_founding(tmp_path / "authority", founded_by, options())
    there = Founded(tmp_path / "authority", tmp_path / "medium", sheets)
    authority = there.opened()
    result = there.answer(tmp_path, request_officers(authority), OFFICERS)
    carl = next(one for one in list_officers(authority.ctx) if one.name == "carl")
    remove_officer("carl", carl.fingerprint, authority.ctx, "operator", "request")
    with pytest.raises(CeremonyError, match="the officers changed after the request"):
        import_signed(authority, result, options(LATER))
    assert in_force(authority) == ["anna", "ben"]


def in_force(authority):
    return [one.name for one in list_officers(authority.ctx) if one.removed_at is None]
