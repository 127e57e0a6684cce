"""A machine as the packages leave it, without systemd: folders, users and rights of deploy/debian.

Lines of a page run in a shell of root. Its paths are in a folder of the test, and its users are other users of this
machine. Without root there is one user.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import defpath
from pathlib import Path
from tempfile import mkdtemp

from tests.house.tree import DOCS, ROOT
from tests.support.eight_commands import commands
from tests.support.officers import NAMES, key_of
from tests.support.programs import STARTS_WITHIN, surroundings
from tests.support.serving import ANY, READY, Served, end_group, until

AUTHORITY = "/var/lib/sinetti/authority"
_CREDENTIAL = "sinetti-passphrase:/etc/sinetti/passphrase"
COMMAND = f"systemd-run --pipe --wait --collect --quiet --uid sinetti -p LoadCredential={_CREDENTIAL}"
"""Command by which docs/operators/keys.md runs another one that needs the keys."""

IS_ROOT = os.geteuid() == 0
USERS = {"sinetti": "daemon", "sinetti-signer": "games"}
"""Users of the packages, and the users of any machine that play them."""

_ROOTS = ("/var/lib", "/etc/sinetti", "/media", "/run", "/srv")
_PATH = re.compile(rf"(?<![\w.}}])(?:{'|'.join(_ROOTS)})(?=/)")
_USER = re.compile(r"(?<= )(-o|-g|-u|--uid|--user|--signer-user) (sinetti(?:-signer)?)(?![\w-])")
_UNIT = """\
import os, re, shutil, subprocess, sys, tempfile

words, user, credentials = sys.argv[1:], None, None
while words[0].startswith("-"):
    word = words.pop(0)
    if word == "--uid":
        user = words.pop(0)
    if word == "-p":
        name, _, path = words.pop(0).removeprefix("LoadCredential=").partition(":")
        credentials = tempfile.mkdtemp()
        shutil.copy(path, os.path.join(credentials, name))
        os.environ["CREDENTIALS_DIRECTORY"] = credentials
if os.geteuid() == 0:
    if credentials:
        subprocess.run(["chown", "-R", user, credentials], check=True)
    words = ["runuser", "-u", user, "--", *words]
done = subprocess.run(words, cwd="/", umask=0o077)
if credentials:
    shutil.rmtree(credentials)
sys.exit(done.returncode)
"""
"""systemd-run --uid USER -p LoadCredential=NAME:PATH COMMAND."""

_RUNUSER = """\
#!/bin/sh
user=$2; shift 3
[ "$(id -u)" = 0 ] || exec "$@"
exec unshare -m sh -c '{mounts} exec setpriv --reuid "$0" --regid "$0" --init-groups "$@"' "$user" "$@"
"""
"""runuser -u USER -- COMMAND."""

_SINETTI = f'#!/bin/sh\nexec {sys.executable} -W ignore -m sinetti "$@"\n'


def _mounts(folder: Path) -> str:
    """Return commands that open Python and this checkout to all users, in folders that only root may pass."""
    closed = {}
    for path in dict.fromkeys((Path(sys.base_prefix), Path(sys.prefix), ROOT)):
        above = [one for one in path.parents if not one.stat().st_mode & 0o001]
        if above:
            closed[path] = above[-1]
    places = {path: folder / "mounts" / str(number) for number, path in enumerate(closed)}
    lines = [f"mkdir -p {place}; mount --bind {path} {place};" for path, place in places.items()]
    lines += [f"mount -t tmpfs none {above};" for above in dict.fromkeys(closed.values())]
    lines += [f"mkdir -p {path}; mount --bind {place} {path};" for path, place in places.items()]
    return f"(umask 022; {' '.join(lines)});" if lines else ""


class PackagedMachine:
    """A machine with the folders of the packages, and the command `sinetti`."""

    def __init__(self, folder: Path) -> None:
        """Make the folders of `sinetti-authority.tmpfiles`, with their owners."""
        self.folder, self.setup = folder, ""
        for place in ("etc/sinetti", "media", "run", "srv", "bin"):
            (folder / place).mkdir(parents=True)
        for user in USERS:
            (folder / "var/lib" / user).mkdir(mode=0o700, parents=True)
            self.own(folder / "var/lib" / user, user)
        programs = {
            "sinetti": _SINETTI,
            "systemd-run": f"#!{sys.executable}\n{_UNIT}",
            "runuser": _RUNUSER.format(mounts=_mounts(folder)),
        }
        for name, text in programs.items():
            (folder / "bin" / name).write_text(text, encoding="utf-8")
            (folder / "bin" / name).chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a shell of root."""
        return surroundings({"PATH": f"{self.folder / 'bin'}:{defpath}", "LANG": "C.UTF-8"})

    def own(self, path: Path, user: str) -> None:
        """Give a path to a user of the packages."""
        if IS_ROOT:
            entry = pwd.getpwnam(USERS[user])
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def at(self, path: str) -> Path:
        """Return where a path of the page is on this machine."""
        return self.folder / path.lstrip("/")

    def placed(self, text: str) -> str:
        """Return a text of a page with the paths and users of this machine."""
        text = _PATH.sub(lambda found: f"{self.folder}{found[0]}", text)
        if not IS_ROOT:
            return re.sub(r" -[og] sinetti\S*", "", text)
        return _USER.sub(lambda found: f"{found[1]} {USERS[found[2]]}", text)

    def run(self, line: str, typed: str = "", within: float = 120.0) -> tuple[int, str, str]:
        """Run a line in a shell after the setup; return exit code, output and messages."""
        done = subprocess.run(
            ["bash", "-c", self.placed(f"{self.setup}\n{line}")],
            input=typed, capture_output=True, text=True, timeout=within, check=False,
            env=self.environment, cwd="/",
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def does(self, line: str, typed: str = "") -> str:
        """Run a line that must succeed, and return its output."""
        code, out, err = self.run(line, typed)
        assert code == 0, (line, out, err)
        return out

    def found(self, *more: str) -> None:
        """Found an authority by the commands of deploy/README.md, with a register in SQLite."""
        officers = self.at("/etc/sinetti/officers")
        officers.mkdir()
        for name in NAMES:
            shutil.copy(key_of(name).public, officers / f"{name}.pub")
        lines = [one for one in commands() if "/media/vault" in one or "/etc/sinetti/passphrase" in one]
        assert len(lines) == 3
        for line in lines:
            self.does(re.sub(r"--database-url \S+", " ".join(more), line) if " init " in line else line)

    @contextmanager
    def serving(self, *options: object) -> Iterator[Served]:
        """Run the service as its unit does, on free ports."""
        log = self.folder / "log"
        line = f"exec {COMMAND} sinetti authority serve --dir {AUTHORITY} {' '.join(map(str, (*ANY, *options)))}"
        with log.open("w") as messages, subprocess.Popen(
            ["bash", "-c", self.placed(line)], stdin=subprocess.DEVNULL, stderr=messages, env=self.environment,
            start_new_session=True, text=True,
        ) as process:  # fmt: skip
            try:
                until(lambda: READY.search(log.read_text()) or process.poll() is not None, STARTS_WITHIN)
                ready = READY.search(log.read_text())
                assert ready, log.read_text()
                yield Served(process, [], ready[1], ready[2])
            finally:
                end_group(process)


@contextmanager
def packaged_machine() -> Iterator[PackagedMachine]:
    """Yield a machine in a folder that each user may pass."""
    folder = Path(mkdtemp(prefix="sinetti-machine-"))
    folder.chmod(0o755)
    try:
        yield PackagedMachine(folder)
    finally:
        shutil.rmtree(folder)


def blocks(page: str, kind: str) -> list[str]:
    """Return the blocks of a kind in a page below docs/, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
