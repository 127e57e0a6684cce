"""Checks of permissions of configuration files and secret files.

A settings file names programs and libraries that run with the caller's rights. Its writers can therefore do what the
caller can. The rule is that of sudo for its sudoers and of sshd's StrictModes:

- The file, the link that leads to it and its folder belong to the caller or to root.
- No other user can write them. A group counts as others, unless it is the owner's private group (of the same name,
  without another member). An ACL that lets another user or group write counts as others, too.

Folders further up then need no check: what another user puts in the place of one belongs to that user. A caller who
names a file vouches for its owner. If that owner is another user, no folder above may be writable by others.
Permissions are read from the descriptor that the octets come from.

Windows has no modes, so nothing is checked there.
"""

import contextlib
import importlib
import os
import stat
import struct
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from sinetti.infra import environment, standard_input

_OTHERS_READ = 0o077
_CREDENTIAL = 0o037
"""Bits that a service's credential never has.

The group's read bit is excluded, since it is the mask of an ACL (systemd.exec(5)).
"""
_O_PATH: int = getattr(os, "O_PATH", 0)
_O_DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
_O_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_O_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
_O_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)


_ACCESS = "system.posix_acl_access"
_ACL_HEADER, _ACL_ENTRY = 4, struct.Struct("<HHI")
_ACL_NAMED = frozenset({0x02, 0x08})
"""Tags of entries for one user and for one group.

An entry has tag, rights and ID (acl(5), linux/posix_acl_xattr.h).
"""
_ACL_READ, _ACL_WRITE = 0x4, 0x2
_READ, _WRITE = 0o044, 0o022
_MOST_LINKS = 40
"""Number of links that the system follows (path_resolution(7))."""


User = tuple[int, int]
"""Numbers of a user and of its group."""
ROOT: User = (0, 0)


@contextlib.contextmanager
def acting_as(user: User | None) -> Iterator[None]:
    """Run the block as a user, if root started this process.

    Files that it makes are that user's, and servers see that user. None: as before.
    """
    before = os.geteuid(), os.getegid()
    if user is None or os.getuid() != 0:
        yield
        return
    try:
        _become(*user)
        yield
    finally:
        _become(*before)


def _become(user: int, group: int) -> None:
    os.seteuid(0)
    groups = [group]
    with contextlib.suppress(KeyError):  # a number without a name is in no other group
        groups = os.getgrouplist(importlib.import_module("pwd").getpwuid(user).pw_name, group)
    os.setgroups(groups)
    os.setegid(group)
    os.seteuid(user)


class Fault(Enum):
    """Fault in the permissions of a file or folder."""

    FOREIGN = "foreign"
    """It belongs to a user who is neither the caller nor root."""
    WRITABLE = "writable"
    """Users other than its owner can write it."""
    READABLE = "readable"
    """Users other than its owner can read or write it."""


class RightsError(Exception):
    """File or folder whose permissions are too wide; `path` is the one to correct."""

    def __init__(self, path: Path, fault: Fault, owner: str) -> None:
        """Store the data of the message."""
        super().__init__(f"{path}: {fault.value}")
        self.path, self.fault, self.owner = path, fault, owner


def is_checked() -> bool:
    """Return True if this system has the permissions that are checked here."""
    return os.name != "nt"


def is_root() -> bool:
    """Return True if the caller is root, whose programs may do anything."""
    return is_checked() and os.geteuid() == 0


def read_trusted(path: Path, *, is_named: bool) -> bytes:
    """Read a configuration file after a check of its permissions.

    `is_named`: the caller named the file, and so vouches for its owner. A terminal or an anonymous pipe that the
    caller named is read without a check. A named pipe is checked like a file. Raises RightsError if the permissions
    are too wide, and OSError if the file cannot be read.
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
        if is_pipe:  # opening it waits for a writer, so its folder is checked first
            _check_folder(real.parent, holder, real.lstat(), is_named=is_named)
        waits = 0 if is_pipe else _O_NONBLOCK
        handle = os.open(real.name, os.O_RDONLY | _O_NOFOLLOW | waits | _O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    with os.fdopen(handle, "rb") as file:
        _check(real, file.fileno(), holder, is_named=is_named)
        return file.read()


def _has_no_place(path: Path) -> bool:
    """Return True for a device or an anonymous pipe.

    Examples are a terminal and /dev/stdin.
    """
    mode = path.stat().st_mode
    if not stat.S_ISFIFO(mode):
        return not stat.S_ISREG(mode)
    # An anonymous pipe resolves to /proc/…/pipe:[1234], which is no file.
    return not path.resolve().exists()


def _links(path: Path) -> Iterator[Path]:
    """Yield each link on the way from a path to its file, in order."""
    for _ in range(_MOST_LINKS):
        if not path.is_symlink():
            return
        yield path
        path = path.parent / path.readlink()


def check_program(path: Path, *, is_library: bool = False) -> None:
    """Check a program of trusted settings, and its folder.

    Raises RightsError if every user can write one of them, and OSError if one cannot be read. Groups are not checked,
    since /usr/local/bin belongs to a group of administrators on some systems. A library runs inside the caller, so its
    owner is checked as well.
    """
    if not is_checked():
        return
    real = path.resolve(strict=True)
    for one in (real, real.parent):
        status = one.stat()
        if status.st_mode & stat.S_IWOTH and not (one != real and status.st_mode & stat.S_ISVTX):
            raise RightsError(one, Fault.WRITABLE, user_name(status.st_uid))
        if is_library:
            _check_owner(one, status)


def read_secret(path: Path, *, any_owner: bool = False) -> bytes:
    """Read a file with a secret that only its owner can read.

    The owner is the caller, root or, with `any_owner`, any user. Pipes and terminals are read without a check. The
    mode of a credential of the service manager may include the mask of an ACL. Raises RightsError if the permissions
    are too wide, and OSError if the file cannot be read or is longer than a secret can be.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if is_checked() and stat.S_ISREG(status.st_mode):
            if not any_owner:
                _check_owner(path, status)
            if status.st_mode & (_CREDENTIAL if _is_credential(path) else _OTHERS_READ):
                raise RightsError(path, Fault.READABLE, user_name(status.st_uid))
        return standard_input.read_bounded(file)


def _is_credential(path: Path) -> bool:
    # The service manager passes the folder of credentials in the environment, as the shell passes HOME.
    folder = environment.variable("CREDENTIALS_DIRECTORY")
    return folder is not None and path.absolute().parent == Path(folder)


def _check_link(link: Path, *, is_named: bool) -> None:
    """Check the link that leads to a file, and the link's folder.

    Raises RightsError if another user could change its target.
    """
    _check_folder(link.absolute().parent, link.absolute().parent.stat(), link.lstat(), is_named=is_named)
    if not is_named:
        _check_owner(link, link.lstat())


def _check(path: Path, handle: int, holder: os.stat_result, *, is_named: bool) -> None:
    """Check a file by its descriptor, and the status of its folder."""
    status = os.fstat(handle)
    if not is_named:
        _check_owner(path, status)
    if is_open(status, handle):
        raise RightsError(path, Fault.WRITABLE, user_name(status.st_uid))
    _check_folder(path.parent, holder, status, is_named=is_named)


def _check_folder(folder: Path, holder: os.stat_result, held: os.stat_result, *, is_named: bool) -> None:
    """Check the folder that contains a file or link.

    Raises RightsError if another user could replace the entry.
    """
    if not is_named:
        _check_owner(folder, holder)
    # In a sticky folder, such as /tmp, other users cannot rename the caller's files.
    is_sticky_enough = is_named and is_own(held) and holder.st_mode & stat.S_ISVTX
    if is_open(holder, folder) and not is_sticky_enough:
        raise RightsError(folder, Fault.WRITABLE, user_name(holder.st_uid))
    if is_own(held) and is_own(holder):
        return
    for above in folder.resolve().parents:
        status = above.stat()
        if is_open(status, above) and not status.st_mode & stat.S_ISVTX:
            raise RightsError(above, Fault.WRITABLE, user_name(status.st_uid))


def _check_owner(path: Path, status: os.stat_result) -> None:
    if not is_own(status):
        raise RightsError(path, Fault.FOREIGN, user_name(status.st_uid))


def is_own(status: os.stat_result) -> bool:
    """Return True if the file belongs to the caller or to root."""
    return status.st_uid in {0, os.geteuid()}


def is_open(status: os.stat_result, at: Path | str | int, *, reading: bool = False, group: str | None = None) -> bool:
    """Return True if users other than its owner can write a file.

    With `reading`, also if they can read it. `at` is its path or its descriptor. Members of `group` may read it.
    """
    bits = _READ | _WRITE if reading else _WRITE
    if status.st_mode & bits & stat.S_IRWXO:
        return True
    if not status.st_mode & bits & stat.S_IRWXG:
        return False
    if _is_shared(at, _ACL_READ | _ACL_WRITE if reading else _ACL_WRITE):
        return True
    if group is not None and not status.st_mode & stat.S_IWGRP and _group_name(status.st_gid) == group:
        return False
    return not _is_private(status)


def _is_shared(at: Path | str | int, rights_wanted: int) -> bool:
    """Return True if an ACL gives another user or group one of these rights."""
    try:
        octets = os.getxattr(at, _ACCESS)
    except (AttributeError, OSError):
        return False
    return any(
        tag in _ACL_NAMED and rights & rights_wanted for tag, rights, _ in _ACL_ENTRY.iter_unpack(octets[_ACL_HEADER:])
    )


def _group_name(gid: int) -> str | None:
    with contextlib.suppress(ImportError, KeyError):
        return str(importlib.import_module("grp").getgrgid(gid).gr_name)
    return None


def _is_private(status: os.stat_result) -> bool:
    """Return True if its group is the owner's private group.

    It has the owner's name, is the owner's primary group, and has no other member.
    """
    with contextlib.suppress(ImportError, KeyError):
        owner = importlib.import_module("pwd").getpwuid(status.st_uid)
        group = importlib.import_module("grp").getgrgid(status.st_gid)
        own = owner.pw_gid == status.st_gid and group.gr_name == owner.pw_name
        return bool(own) and set(group.gr_mem) <= {owner.pw_name}
    return False


def user_name(uid: int) -> str:
    """Return the name of a user, or the number of one without a name."""
    with contextlib.suppress(ImportError, KeyError):
        return str(importlib.import_module("pwd").getpwuid(uid).pw_name)
    return str(uid)
