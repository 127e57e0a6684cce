"""Builds the container images into build/image: scripts/image.py [NAME …].

They consist of Debian packages and of ours in build/deb. mmdebstrap unpacks Debian's packages and runs no script of
theirs. What an image needs stays: no shell, no package manager, no program beside its own. deploy/image/Containerfile
says how each image starts. podman writes the images.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEB = ROOT / "build" / "deb"
INTO = ROOT / "build" / "image"
STORAGE = INTO / "storage"
SUITE = "trixie"
PYTHON = ["python3", "media-types", "netbase", "ca-certificates"]
PYTHON_PROGRAMS = ["usr/bin/python3", "usr/bin/python3.13"]


@dataclass(frozen=True, slots=True)
class Image:
    """Content of an image: packages, programs that stay, and folders for volumes."""

    packages: list[str]
    programs: list[str]
    folders: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Owner (user and group alike) and mode; an engine copies both to a new volume."""
    own: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


IMAGES = {
    "sinetti": Image(
        PYTHON,
        [*PYTHON_PROGRAMS, "usr/bin/sinetti"],
        {
            "var/lib/sinetti": (10001, 0o700), "var/lib/sinetti-signer": (10006, 0o700),
            "var/lib/sinetti-secrets": (10001, 0o700), "var/lib/sinetti-gateway": (10002, 0o700),
            "run/sinetti-gateway": (10002, 0o750), "etc/sinetti/tls": (10001, 0o750),
            "etc/sinetti/gateway": (10001, 0o755),
        },
        own=["sinetti", "sinetti-authority", "sinetti-gateway"],
    ),
    "sinetti-postgresql": Image(
        ["postgresql-17", "dash", "coreutils", "libc-bin"],
        ["usr/bin/dash", "usr/bin/sh", "usr/bin/rm", "usr/bin/mv", "usr/bin/locale"],
        {"var/lib/postgresql": (10003, 0o700), "run/postgresql": (10003, 0o755)},
        dropped=["*libLLVM*", "*/llvmjit*", "*/bitcode/*"],
    ),
    "sinetti-nginx": Image(["nginx", "media-types"], ["usr/sbin/nginx"]),
    "sinetti-mail": Image([*PYTHON, "python3-aiosmtpd"], PYTHON_PROGRAMS),
}  # fmt: skip

USERS = {
    "root": 0, "sinetti": 10001, "sinetti-gateway": 10002, "postgres": 10003, "www-data": 10004, "mail": 10005,
    "sinetti-signer": 10006,
}  # fmt: skip
"""The same in every image: PostgreSQL and the signer know a caller by its number."""

DROPPED = [
    "usr/bin/*", "usr/sbin/*", "usr/games/*", "dev/*", "boot/*", "var/cache/*", "var/log/*", "var/lib/*", "root/*",
    "usr/share/man/*", "usr/share/info/*", "usr/share/locale/*", "usr/share/lintian/*", "usr/share/bash-completion/*",
    "usr/share/zsh/*", "usr/share/fish/*", "usr/share/perl*/*", "usr/lib/*/perl*/*", "usr/share/postgresql*/man/*",
    "usr/share/ca-certificates/*", "etc/nginx/sites-*/*", "etc/nginx/nginx.conf", "etc/init.d/*", "etc/cron*/*",
    "etc/logrotate.d/*", "etc/ufw/*", "usr/share/doc/*", "usr/lib/python3*/test/*", "usr/share/python3/*",
    "usr/share/icons/*", "usr/share/debconf/*", "usr/share/postgresql-common/*", "etc/sinetti/*.toml",
    "usr/include/*", "usr/lib/systemd/*", "usr/lib/tmpfiles.d/*", "usr/lib/sysusers.d/*", "usr/share/base-files/*",
    "etc/apt/*", "etc/debconf.conf", "etc/default/*", "etc/dpkg/*", "etc/update-motd.d/*", "etc/systemd/*",
    "etc/hostname", "etc/resolv.conf", "etc/fstab",
]  # fmt: skip
"""Files that no image needs, but for /usr/share/doc/PACKAGE/copyright."""

CERTIFICATES = "usr/share/ca-certificates/mozilla/*.crt"
BUNDLE = "usr/lib/ssl/cert.pem"
"""File in which OpenSSL looks for the CAs that Mozilla trusts.

A script of a package makes Debian's own file, and no script runs here.
"""


class ImageError(Exception):
    """An image cannot be built; the text is one sentence with the next step."""


def run(*command: str | Path, folder: Path = ROOT) -> bytes:
    """Run a command, which must succeed; return its standard output."""
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603 - own words


def is_kept(name: str, image: Image) -> bool:
    """Return True if a file of a package belongs into the image."""
    if name in image.programs or fnmatch(name, "usr/share/doc/*/copyright"):
        return True
    return not any(fnmatch(name, pattern) for pattern in [*DROPPED, *image.dropped])


def own_packages(image: Image) -> list[Path]:
    """Return the files of our own packages. Raises ImageError if one is missing."""
    found = [(name, sorted(DEB.glob(f"{name}_*.deb"))) for name in image.own]
    for name, paths in found:
        if len(paths) != 1:
            sentence = f"build/deb must have the package {name} once, and has it {len(paths)} times. Run `make deb`."
            raise ImageError(sentence)
    return [paths[0] for _, paths in found]


def unpacked(image: Image, epoch: int) -> tuple[bytes, bytes]:
    """Return the files of Debian's packages as a tar file, and their control data.

    The control data is also that of our own packages.
    """
    controls = INTO / "controls"
    controls.write_bytes(b"")
    note = f'for deb in "$1"/var/cache/apt/archives/*.deb; do dpkg-deb --field "$deb"; echo; done > {controls}'
    compiled = 'chroot "$1" /usr/bin/python3.13 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3.13'
    hooks = [f"--extract-hook={note}"]
    if "usr/bin/python3" in image.programs:
        hooks.append(f"--customize-hook={compiled} /usr/lib/python3/dist-packages")
    packages = f"--include=base-files,{','.join(image.packages)}"
    words = ("env", f"SOURCE_DATE_EPOCH={epoch}", "mmdebstrap", "--quiet", "--variant=extract", "--format=tar")
    tree = run(*words, packages, *hooks, SUITE, "-")
    for path in own_packages(image):
        controls.write_bytes(controls.read_bytes() + run("dpkg-deb", "--field", path) + b"\n")
    return tree, controls.read_bytes()


def members(archive: bytes) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Yield each entry of a tar file, with its plain name, and its content."""
    with tarfile.open(fileobj=BytesIO(archive)) as opened:
        for one in opened:
            one.name = one.name.removeprefix("./").rstrip("/")
            held = opened.extractfile(one) if one.isreg() else None
            yield one, held.read() if held else b""


def added(
    name: str, content: bytes | None = None, *, owner: int = 0, mode: int = 0o755, link: str = ""
) -> tarfile.TarInfo:
    """Return an entry of our own: a link, a file with content, otherwise a folder."""
    one = tarfile.TarInfo(name)
    one.type = tarfile.SYMTYPE if link else tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    one.linkname = link
    one.uid = one.gid = owner
    one.size, one.mode = len(content or b""), mode
    return one


def accounts() -> dict[str, bytes]:
    """Return the files by which programs know users, groups and hosts."""
    users = "".join(
        f"{name}:x:{number}:{number}::/var/lib/{name}:/usr/sbin/nologin\n" for name, number in USERS.items()
    )
    groups = "".join(f"{name}:x:{number}:\n" for name, number in USERS.items())
    return {"etc/passwd": users.encode(), "etc/group": groups.encode(), "etc/nsswitch.conf": b"hosts: files dns\n"}


def packages_of(controls: bytes) -> dict[str, bytes]:
    """Return a file for each package with its control data, for scanners of images."""
    entries = [entry + b"\n\n" for entry in controls.strip().split(b"\n\n")]
    names = [re.match(rb"Package: (\S+)", entry) for entry in entries]
    return {f"var/lib/dpkg/status.d/{one[1].decode()}": entry for one, entry in zip(names, entries, strict=True) if one}


def write_tree(name: str, image: Image, epoch: int) -> None:
    """Write build/image/NAME.tar, the file system: sorted, one time for every file."""
    debian, controls = unpacked(image, epoch)
    held: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    bundle = b""
    for archive in (debian, *(run("dpkg-deb", "--fsys-tarfile", path) for path in own_packages(image))):
        for one, content in members(archive):
            if fnmatch(one.name, CERTIFICATES):
                bundle += content
            if one.islnk():
                one.linkname = one.linkname.removeprefix("./")
            if one.name != "." and is_kept(one.name, image):
                held[one.name] = one, content
    for path, content in {**accounts(), **packages_of(controls), BUNDLE: bundle}.items():
        held[path] = added(path, content, mode=0o644), content
    for path, (owner, mode) in image.folders.items():
        held[path] = added(path, owner=owner, mode=mode), b""
    for path, mode in {"tmp": 0o1777, "run": 0o755, "proc": 0o555, "sys": 0o555, "dev": 0o755}.items():
        held[path] = added(path, mode=mode), b""
    held["var/run"] = added("var/run", link="../run"), b""
    with tarfile.open(INTO / f"{name}.tar", "w", format=tarfile.PAX_FORMAT) as made:
        for path in sorted(held):
            one, content = held[path]
            one.mtime, one.pax_headers = epoch, {}
            made.addfile(one, BytesIO(content))


def podman(*words: str | Path) -> str:
    """Run podman with images of its own below build/image."""
    return run("podman", "--root", STORAGE, "--runroot", INTO / "run", *words).decode()


def write_image(name: str, epoch: int) -> None:
    """Build an image of its file system, and write it in Docker's format and OCI's.

    OCI's has no health check.
    """
    build = ("build", "--quiet", "--pull=never", "--format", "docker", "--timestamp", str(epoch))
    tag = f"localhost/{name}:latest"
    podman(*build, "--target", name, "--tag", tag, "--file", ROOT / "deploy" / "image" / "Containerfile", INTO)
    for kind in ("docker", "oci"):
        archive = INTO / f"{name}.{kind}.tar"
        archive.unlink(missing_ok=True)
        podman("save", "--quiet", "--format", f"{kind}-archive", "--output", archive, tag)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the named images, or all.

    The exit code is 0, or 3 with a sentence on standard error.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(IMAGES)} (default: all)")
    names = parser.parse_args(arguments).names or list(IMAGES)
    if unknown := set(names) - set(IMAGES):
        parser.error(f"no image is called {', '.join(sorted(unknown))}")
    epoch = int(run("git", "log", "-1", "--format=%ct"))
    INTO.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / "deploy" / "image").iterdir():
        shutil.copy(path, INTO)
    try:
        for name in names:
            write_tree(name, IMAGES[name], epoch)
            write_image(name, epoch)
            print(INTO / f"{name}.docker.tar")
    except ImageError as error:
        print(f"image: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
