"""Rights of files that decide what runs, and of files that hold secrets.

The check finds the users who could have written or read them. A settings file names programs and libraries that run
with the caller's rights, so that its writers can do what the caller can. The rule is that of sudo for its sudoers and
of sshd's StrictModes. The file, the link that leads to it and its folder belong to the caller or to root, and no other
user can write them. A group counts as others, unless it is the owner's private group (of the same name, without another
member). A list of access control that lets another user or group write counts as others, too. Folders further up need
no check then: what another user puts in the place of one is that user's. A caller who names a file vouches for its
owner; of a foreign one no folder above may be writable by others. Rights are read from the descriptor that the octets
come from.

Windows has no modes: nothing is checked there.
"""

import contextlib
import importlib
import os
import stat
import struct
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

_OTHERS_READ = 0o077
_CREDENTIAL = 0o037
"""Bits that a service's credential never has: its group's read bit is the mask of an ACL (systemd.exec(5))."""
_O_PATH: int = getattr(os, "O_PATH", 0)
_O_DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
_O_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_O_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
_O_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)


_ACCESS = "system.posix_acl_access"
_ACL_HEADER, _ACL_ENTRY = 4, struct.Struct("<HHI")
_ACL_NAMED = frozenset({0x02, 0x08})
"""Entries for one user and for one group (acl(5), linux/posix_acl_xattr.h): tag, rights, ID."""
_ACL_WRITE = 0x2
_MOST_LINKS = 40
"""How many links the system follows (path_resolution(7))."""


class Fault(Enum):
    """The faults in the rights of a file or folder."""

    FOREIGN = "foreign"
    """It belongs to a user who is neither the caller nor root."""
    WRITABLE = "writable"
    """Others than its owner can write it."""
    READABLE = "readable"
    """Others than its owner can read or write it."""


class RightsError(Exception):
    """A file or folder whose rights are too wide. `path` is the one to be corrected."""

    def __init__(self, path: Path, fault: Fault, owner: str) -> None:
        """Keep what a message needs."""
        super().__init__(f"{path}: {fault.value}")
        self.path, self.fault, self.owner = path, fault, owner


def is_checked() -> bool:
    """Tell whether this system has rights of the kind that is checked here."""
    return os.name != "nt"


def is_root() -> bool:
    """Tell whether the caller is root, whose programs may do anything."""
    return is_checked() and os.geteuid() == 0


def read_trusted(path: Path, *, is_named: bool) -> bytes:
    """Read a file that decides what runs.

    `is_named`: the caller named the file, and so vouches for its owner. A terminal or pipe that the caller named is
    taken as it is; a pipe that has a name is judged as a file is. Raises RightsError, OSError.
    """
    if not is_checked() or (is_named and _has_no_place(path)):
        return path.read_bytes()
    for link in _links(path):
        _check_link(link, is_named=is_named)
    real = path.resolve(strict=True)
    folder = os.open(real.parent, _O_PATH | _O_DIRECTORY | _O_CLOEXEC)
    try:
        holder = os.fstat(folder)
        is_pipe = is_named and stat.S_ISFIFO(real.stat().st_mode)
        if is_pipe:  # opening it waits for a writer, so that its folder is judged first
            _check_folder(real.parent, holder, real.lstat(), is_named=is_named)
        waits = 0 if is_pipe else _O_NONBLOCK
        handle = os.open(real.name, os.O_RDONLY | _O_NOFOLLOW | waits | _O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    with os.fdopen(handle, "rb") as file:
        _check(real, file.fileno(), holder, is_named=is_named)
        return file.read()


def _has_no_place(path: Path) -> bool:
    """Tell whether it is a device or a pipe without a name.

    Examples are a terminal and /dev/stdin.
    """
    mode = path.stat().st_mode
    if not stat.S_ISFIFO(mode):
        return not stat.S_ISREG(mode)
    # A pipe without a name leads to /proc/…/pipe:[1234], which is no file.
    return not path.resolve().exists()


def _links(path: Path) -> Iterator[Path]:
    """Give each link on the way from a path to its file, the first one first."""
    for _ in range(_MOST_LINKS):
        if not path.is_symlink():
            return
        yield path
        path = path.parent / path.readlink()


def check_program(path: Path, *, is_library: bool = False) -> None:
    """Check a program of trusted settings, and its folder.

    Raises RightsError if every user can write one of them. Groups are not looked at: /usr/local/bin is its
    administrators' on some systems. A library runs inside the caller, so that its owner counts as well. Raises
    RightsError, OSError.
    """
    if not is_checked():
        return
    real = path.resolve(strict=True)
    for one in (real, real.parent):
        seen = one.stat()
        if seen.st_mode & stat.S_IWOTH and not (one != real and seen.st_mode & stat.S_ISVTX):
            raise RightsError(one, Fault.WRITABLE, _name(seen.st_uid))
        if is_library:
            _check_owner(one, seen)


def read_secret(path: Path, *, any_owner: bool = False) -> bytes:
    """Read a file with a secret that only its owner can read.

    The owner is the caller, root or, with `any_owner`, any user. A pipe and a terminal are taken as they are, and what
    the service manager shows as a credential. Raises RightsError, OSError.
    """
    with path.open("rb") as file:
        seen = os.fstat(file.fileno())
        if is_checked() and stat.S_ISREG(seen.st_mode):
            if not any_owner:
                _check_owner(path, seen)
            if seen.st_mode & (_CREDENTIAL if _is_credential(path) else _OTHERS_READ):
                raise RightsError(path, Fault.READABLE, _name(seen.st_uid))
        return file.read()


def _is_credential(path: Path) -> bool:
    # The service manager says in the environment where it shows credentials, as the shell says where a home is.
    folder = os.environ.get("CREDENTIALS_DIRECTORY")  # noqa: TID251
    return folder is not None and path.absolute().parent == Path(folder)


def _check_link(link: Path, *, is_named: bool) -> None:
    """Check the link that leads to a file, and the link's folder.

    No other user may be able to change its target.
    """
    _check_folder(link.absolute().parent, link.absolute().parent.stat(), link.lstat(), is_named=is_named)
    if not is_named:
        _check_owner(link, link.lstat())


def _check(path: Path, handle: int, holder: os.stat_result, *, is_named: bool) -> None:
    """Check a file by its descriptor and by what was seen of the folder that holds it."""
    seen = os.fstat(handle)
    if not is_named:
        _check_owner(path, seen)
    if _is_writable(seen, handle):
        raise RightsError(path, Fault.WRITABLE, _name(seen.st_uid))
    _check_folder(path.parent, holder, seen, is_named=is_named)


def _check_folder(folder: Path, holder: os.stat_result, held: os.stat_result, *, is_named: bool) -> None:
    """Check the folder that holds a file or link.

    No other user may be able to replace the entry.
    """
    if not is_named:
        _check_owner(folder, holder)
    # In a sticky folder, such as /tmp, others cannot rename what is the caller's.
    is_sticky_enough = is_named and _is_ours(held) and holder.st_mode & stat.S_ISVTX
    if _is_writable(holder, folder) and not is_sticky_enough:
        raise RightsError(folder, Fault.WRITABLE, _name(holder.st_uid))
    if _is_ours(held) and _is_ours(holder):
        return
    for above in folder.resolve().parents:
        found = above.stat()
        if _is_writable(found, above) and not found.st_mode & stat.S_ISVTX:
            raise RightsError(above, Fault.WRITABLE, _name(found.st_uid))


def _check_owner(path: Path, seen: os.stat_result) -> None:
    if not _is_ours(seen):
        raise RightsError(path, Fault.FOREIGN, _name(seen.st_uid))


def _is_ours(seen: os.stat_result) -> bool:
    return seen.st_uid in {0, os.geteuid()}


def _is_writable(seen: os.stat_result, at: Path | int) -> bool:
    """Tell whether others than its owner can write it.

    `at` is its path or its descriptor.
    """
    if seen.st_mode & stat.S_IWOTH:
        return True
    return bool(seen.st_mode & stat.S_IWGRP) and (_is_shared(at) or not _is_private(seen))


def _is_shared(at: Path | int) -> bool:
    """Tell whether an ACL lets another user or group write."""
    try:
        octets = os.getxattr(at, _ACCESS)
    except (AttributeError, OSError):
        return False
    return any(
        tag in _ACL_NAMED and rights & _ACL_WRITE for tag, rights, _ in _ACL_ENTRY.iter_unpack(octets[_ACL_HEADER:])
    )


def _is_private(seen: os.stat_result) -> bool:
    """Tell whether its group is the owner's private group.

    It has the owner's name, is their primary group, and has no other member.
    """
    with contextlib.suppress(ImportError, KeyError):
        owner = importlib.import_module("pwd").getpwuid(seen.st_uid)
        group = importlib.import_module("grp").getgrgid(seen.st_gid)
        own = owner.pw_gid == seen.st_gid and group.gr_name == owner.pw_name
        return bool(own) and set(group.gr_mem) <= {owner.pw_name}
    return False


def _name(uid: int) -> str:
    with contextlib.suppress(ImportError, KeyError):
        return str(importlib.import_module("pwd").getpwuid(uid).pw_name)
    return str(uid)
