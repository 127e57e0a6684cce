"""Rights of files that decide what runs, and of files that hold secrets."""

import os
import stat
import struct
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from sinetti.cli.client import common
from sinetti.client.messages.messages import render
from sinetti.client.results import UsageError
from sinetti.domain.values import Language
from sinetti.infra import file_permissions, standard_input
from sinetti.infra.file_permissions import Fault, RightsError

STRANGER = 4711

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no modes here")


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    (folder / "file").write_text("octets")
    (folder / "file").chmod(0o644)
    return folder / "file"


@pytest.fixture
def foreign(monkeypatch):
    """Return a function that gives a path to another owner, for this module alone."""
    strangers = set()
    real = {name: getattr(os, name) for name in ("fstat", "stat", "lstat")}

    def seen(name):
        def look(*arguments, **more):
            found = real[name](*arguments, **more)
            if (found.st_dev, found.st_ino) not in strangers:
                return found
            fields = {one: getattr(found, one) for one in ("st_mode", "st_gid", "st_dev", "st_ino")}
            return SimpleNamespace(st_uid=STRANGER, **fields)

        return look

    for name in real:
        monkeypatch.setattr(os, name, seen(name))

    def give(path):
        found = real["lstat"](path)
        strangers.add((found.st_dev, found.st_ino))

    return give


def link(place):
    other = place.parent.parent / "links"
    other.mkdir(mode=0o755)
    (other / "link").symlink_to(place)
    return other / "link"


WRITABLE = {
    "the file, by all": (lambda place: place.chmod(0o646), lambda place: place),
    "its folder, by all": (lambda place: place.parent.chmod(0o777), lambda place: place.parent),
}
GROUPS = {
    "the file, by a group": (lambda place: place.chmod(0o664), lambda place: place),
    "its folder, by a group": (lambda place: place.parent.chmod(0o775), lambda place: place.parent),
}


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize(("change", "what"), [*WRITABLE.values(), *GROUPS.values()], ids=[*WRITABLE, *GROUPS])
def test_what_others_can_write_is_not_believed(change, what, is_named, place, monkeypatch):
    monkeypatch.setattr(file_permissions, "_is_private", lambda _seen: False)
    assert file_permissions.read_trusted(place, is_named=is_named) == b"octets"
    change(place)
    with pytest.raises(RightsError) as refused:
        file_permissions.read_trusted(place, is_named=is_named)
    assert (refused.value.path, refused.value.fault) == (what(place), Fault.WRITABLE)


@pytest.mark.parametrize(("change", "what"), GROUPS.values(), ids=GROUPS)
def test_the_owners_private_group_is_the_owner(change, what, place, monkeypatch):
    monkeypatch.setattr(file_permissions, "_is_private", lambda _seen: True)
    change(place)
    assert file_permissions.read_trusted(place, is_named=False) == b"octets"
    assert what(place).exists()


ACCESS = "system.posix_acl_access"
READ, WRITE = 4, 2
EVERY = 0xFFFFFFFF
ENTRIES = {
    "a user who may write": (2, READ | WRITE, False),
    "a group that may write": (8, WRITE, False),
    "a user who may read": (2, READ, True),
}


def let(path, tag, rights):
    """Give rights to a user or a group by an access control list, as setfacl does."""
    entries = [(1, 7, EVERY), (tag, rights, STRANGER), (4, 7, EVERY), (0x10, 7, EVERY), (0x20, READ, EVERY)]
    octets = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *one) for one in sorted(entries))
    try:
        os.setxattr(path, ACCESS, octets)
    except (AttributeError, OSError):
        pytest.skip("there are no lists of access control here")


@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize("is_folder", [True, False])
@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_whom_a_list_of_access_control_lets_write_is_no_private_group(entry, is_folder, is_named, place, monkeypatch):
    tag, rights, believed = entry
    monkeypatch.setattr(file_permissions, "_is_private", lambda _seen: True)
    what = place.parent if is_folder else place
    let(what, tag, rights)
    if believed:
        assert file_permissions.read_trusted(place, is_named=is_named) == b"octets"
        return
    with pytest.raises(RightsError) as refused:
        file_permissions.read_trusted(place, is_named=is_named)
    assert (refused.value.path, refused.value.fault) == (what, Fault.WRITABLE)


MEMBERS = {
    "of the owner's name, without others": ("ann", 100, "ann", [], True),
    "with the owner as a member": ("ann", 100, "ann", ["ann"], True),
    "with another member": ("ann", 100, "ann", ["bob"], False),
    "of another name": ("ann", 100, "staff", [], False),
    "not the owner's first": ("ann", 200, "ann", [], False),
}


@pytest.mark.parametrize("case", MEMBERS.values(), ids=MEMBERS)
def test_which_group_is_private(case, monkeypatch):
    owner, first, name, members, private = case
    pwd = SimpleNamespace(getpwuid=lambda _uid: SimpleNamespace(pw_name=owner, pw_gid=first))
    grp = SimpleNamespace(getgrgid=lambda _gid: SimpleNamespace(gr_name=name, gr_mem=members))
    monkeypatch.setattr(file_permissions.importlib, "import_module", {"pwd": pwd, "grp": grp}.get)
    assert file_permissions._is_private(SimpleNamespace(st_uid=1, st_gid=100)) is private


def test_a_user_without_an_entry_has_no_private_group_and_a_number_for_a_name():
    nowhere = 2**31 - 7
    assert not file_permissions._is_private(SimpleNamespace(st_uid=nowhere, st_gid=nowhere))
    assert file_permissions.user_name(nowhere) == str(nowhere)


FOREIGN = {
    "the file": lambda place: place,
    "its folder": lambda place: place.parent,
    "the link": lambda place: place.parent.parent / "links" / "link",
    "the link's folder": lambda place: place.parent.parent / "links",
}


@pytest.mark.parametrize("what", FOREIGN.values(), ids=FOREIGN)
def test_another_users_file_counts_only_where_the_caller_named_it(what, place, foreign):
    through = link(place)
    assert file_permissions.read_trusted(through, is_named=False) == b"octets"
    foreign(what(place))
    with pytest.raises(RightsError) as refused:
        file_permissions.read_trusted(through, is_named=False)
    assert (refused.value.path, refused.value.fault, refused.value.owner) == (what(place), Fault.FOREIGN, str(STRANGER))
    assert file_permissions.read_trusted(through, is_named=True) == b"octets"


def test_a_link_in_a_folder_that_others_can_write_is_not_followed(place):
    through = link(place)
    through.parent.chmod(0o777)
    for is_named in (True, False):
        with pytest.raises(RightsError):
            file_permissions.read_trusted(through, is_named=is_named)


def test_a_link_that_leads_to_a_link_is_looked_at_all_the_way(place):
    through = link(place)
    first = place.parent.parent / "first"
    first.symlink_to(through)
    assert file_permissions.read_trusted(first, is_named=False) == b"octets"
    through.parent.chmod(0o777)
    with pytest.raises(RightsError) as refused:
        file_permissions.read_trusted(first, is_named=False)
    assert refused.value.path == through.parent


def test_links_that_lead_in_a_circle_lead_nowhere(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for is_named in (True, False):
        with pytest.raises((OSError, RuntimeError)):
            file_permissions.read_trusted(tmp_path / "one", is_named=is_named)


def test_in_a_sticky_folder_a_file_of_the_callers_counts_where_it_is_named(place, foreign):
    place.parent.chmod(0o1777)
    assert file_permissions.read_trusted(place, is_named=True) == b"octets"
    with pytest.raises(RightsError):
        file_permissions.read_trusted(place, is_named=False)
    foreign(place)
    with pytest.raises(RightsError):
        file_permissions.read_trusted(place, is_named=True)


def test_a_foreign_file_that_is_named_lies_below_no_folder_that_others_can_write(place, foreign):
    place.parent.parent.chmod(0o777)
    assert file_permissions.read_trusted(place, is_named=True) == b"octets", "what is put in its place is a stranger's"
    foreign(place)
    with pytest.raises(RightsError) as refused:
        file_permissions.read_trusted(place, is_named=True)
    assert refused.value.path == place.parent.parent


def test_the_file_that_is_read_is_the_one_that_was_looked_at(place, monkeypatch):
    """A file that was swapped between both steps is refused by its own rights."""
    real = os.open

    def swapped(path, *arguments, **more):
        if path == "file":
            place.unlink()
            place.write_text("theirs")
            place.chmod(0o666)
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(RightsError):
        file_permissions.read_trusted(place, is_named=False)


def test_a_pipe_that_the_caller_named_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"octets",))
    writer.start()
    assert file_permissions.read_trusted(pipe, is_named=True) == b"octets"
    writer.join()
    with pytest.raises(OSError, match="does-not-exist"):
        file_permissions.read_trusted(tmp_path / "does-not-exist", is_named=True)


def test_a_pipe_with_a_name_is_judged_as_a_file_is(place):
    """Any user who can write the folder may have put the file there."""
    place.unlink()
    os.mkfifo(place)
    place.parent.chmod(0o777)
    with pytest.raises(RightsError):
        file_permissions.read_trusted(place, is_named=True)
    reads, writes = os.pipe()
    os.write(writes, b"piped")
    os.close(writes)
    assert file_permissions.read_trusted(Path(f"/dev/fd/{reads}"), is_named=True) == b"piped"
    os.close(reads)


SECRETS = {
    "0600": (0o600, None),
    "0400": (0o400, None),
    "0640": (0o640, Fault.READABLE),
    "0644": (0o644, Fault.READABLE),
    "0602": (0o602, Fault.READABLE),
}


@pytest.mark.parametrize(("mode", "fault"), SECRETS.values(), ids=SECRETS)
def test_a_secret_is_its_owners_alone(mode, fault, place, foreign):
    place.chmod(mode)
    if fault is None:
        assert file_permissions.read_secret(place) == b"octets"
        foreign(place)
        assert file_permissions.read_secret(place, any_owner=True) == b"octets"
        with pytest.raises(RightsError) as refused:
            file_permissions.read_secret(place)
        assert refused.value.fault is Fault.FOREIGN
        return
    with pytest.raises(RightsError) as refused:
        file_permissions.read_secret(place, any_owner=True)
    assert (refused.value.path, refused.value.fault) == (place, fault)


def test_secrets_from_pipes_and_descriptors_are_taken(place):
    place.chmod(0o600)
    reads, writes = os.pipe()
    os.write(writes, b"piped")
    os.close(writes)
    assert file_permissions.read_secret(Path(f"/dev/fd/{reads}")) == b"piped"
    os.close(reads)


@pytest.mark.parametrize("place", ["/dev/zero", "-"])
def test_a_secret_without_an_end_is_refused(place, monkeypatch):
    standard_input.begin()
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        with pytest.raises(UsageError) as refused:
            common.read_secret(Path(place))
    assert render(refused.value.message, Language.EN) == f"{place} cannot be read: it is too large."


def test_what_the_service_manager_shows_as_a_credential_is_taken(place, monkeypatch):
    place.chmod(0o440)
    with pytest.raises(RightsError):
        file_permissions.read_secret(place)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(place.parent))
    assert file_permissions.read_secret(place) == b"octets"
    place.chmod(0o444)
    with pytest.raises(RightsError):
        file_permissions.read_secret(place)


def test_programs_and_libraries(place, foreign):
    place.chmod(0o775)
    place.parent.chmod(0o775)
    file_permissions.check_program(place, is_library=True)
    place.parent.chmod(0o1777)
    file_permissions.check_program(place)
    for wide in (place, place.parent):
        wide.chmod(0o777)
        with pytest.raises(RightsError) as refused:
            file_permissions.check_program(place)
        assert refused.value.path == wide
        wide.chmod(0o755)
    foreign(place)
    file_permissions.check_program(place)
    with pytest.raises(RightsError):
        file_permissions.check_program(place, is_library=True)


def test_a_library_lies_in_no_folder_of_another_user(place, foreign):
    foreign(place.parent)
    file_permissions.check_program(place)
    with pytest.raises(RightsError) as refused:
        file_permissions.check_program(place, is_library=True)
    assert (refused.value.path, refused.value.fault) == (place.parent, Fault.FOREIGN)


def test_where_there_are_no_modes_nothing_is_checked(place, monkeypatch):
    place.chmod(0o666)
    monkeypatch.setattr(file_permissions, "is_checked", lambda: False)
    assert file_permissions.read_trusted(place, is_named=False) == b"octets"
    assert file_permissions.read_secret(place) == b"octets"
    file_permissions.check_program(place, is_library=True)
    assert not file_permissions.is_root()
    assert stat.S_IMODE(place.stat().st_mode) == 0o666
