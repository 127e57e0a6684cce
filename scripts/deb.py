"""Builds the Debian packages: scripts/deb.py [--release VERSION] [--into FOLDER].

Without `--release` it packs the checkout as it would be committed with `git commit --all`. Python packages come from
requirements.lock, with their hashes, as wheels for Debian's Python. deploy/debian says what goes where.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import licences  # scripts beside this one
import lock

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = ROOT / "deploy" / "debian"
PYTHON = "/usr/bin/python3.13"
"""Debian 13's, on which the packages run."""

PLACE = "usr/lib/sinetti"
SITE = "lib/python3.13/site-packages"
SERVERS = ["pkcs11", *(one for one in lock.all_extras() if one == "telemetry")]
"""Extras of both servers beside their own."""

TREES = {
    "sinetti": (SITE, ["base", "pkcs11"]),
    "sinetti-authority": ("authority", ["authority", "fast", *SERVERS]),
    "sinetti-gateway": ("gateway", ["gateway", *SERVERS]),
}
"""Folder of Python packages and extras of each package, beside what `sinetti` has."""

RELEASES = {"0.1.0": "786e2b25d08f88741b37ac20d1d43584eb253829"}
"""Commits of the releases that have no tag."""

ENVIRONMENT = "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.13\n"
"""Content of pyvenv.cfg: by it, child processes find the same Python packages."""

SHELLS = {"bash": "sinetti", "zsh": "_sinetti", "fish": "sinetti.fish"}


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Run a command and return its standard output. Raises CalledProcessError."""
    return subprocess.run(command, cwd=folder, check=True, text=True, stdout=subprocess.PIPE).stdout  # noqa: S603 - own words


def commit_of(release: str | None) -> str:
    """Return the commit of a release, or one that has the checkout's changes."""
    if release is None:
        return run("git", "stash", "create").strip() or run("git", "rev-parse", "HEAD").strip()
    tag = run("git", "tag", "--list", f"v{release}").strip()
    return run("git", "rev-list", "--max-count=1", tag).strip() if tag else RELEASES[release]


def version_of(source: Path, commit: str, release: str | None) -> str:
    """Return the package's version.

    A commit that is not a release sorts after the last one, by its time.
    """
    if release is not None:
        return release
    (version,) = re.findall(r'__version__ = "(.+)"', (source / "src/sinetti/__init__.py").read_text(encoding="utf-8"))
    if run("git", "tag", "--points-at", commit, "--list", f"v{version}").strip():
        return str(version)
    return f"{version}+git{committed_at(commit):%Y%m%d%H%M%S}.{commit[:8]}"


def committed_at(commit: str) -> datetime:
    """Return the time of a commit."""
    return datetime.fromtimestamp(int(run("git", "show", "--no-patch", "--format=%ct", commit)), UTC)


def export(commit: str, source: Path) -> None:
    """Write the files of a commit, and the present deploy/debian."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    archive = source.with_suffix(".tar")
    run("git", "archive", "--output", archive, commit)
    run("tar", "--extract", "--file", archive, folder=source)
    archive.unlink()
    shutil.copytree(DEBIAN, source / "debian")


def pip(*words: str | Path, into: Path) -> None:
    """Install wheels for Debian's Python into a folder."""
    command = [sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet", "--root-user-action", "ignore"]
    run(*command, "--disable-pip-version-check", "--no-deps", "--no-compile", "--target", into, *words)
    tidy(into)


def make_trees(source: Path) -> None:
    """Make build/trees: the Python packages of each Debian package, compiled."""
    text, held = lock.LOCK.read_text(encoding="utf-8"), set[str]()
    for package, (folder, extras) in TREES.items():
        chosen = [one for one in lock.select(text, extras) if lock.pin(one)[0] not in held]
        if package == "sinetti":
            held = {lock.pin(one)[0] for one in chosen}
        listed = source / "build" / f"{package}.txt"
        listed.parent.mkdir(exist_ok=True)
        listed.write_text("".join(chosen), encoding="utf-8")
        top = source / "build" / "trees" / package
        pip("--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", listed, into=top / folder)
        if package == "sinetti":
            add_program(source, top)
        else:
            (top / SITE).mkdir(parents=True)
            (top / SITE / f"{package}.pth").write_text(f"/{PLACE}/{folder}\n", encoding="utf-8")
        compiled = (PYTHON, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
        run(*compiled, "-s", str(top), "-p", f"/{PLACE}", str(top / folder))


def add_program(source: Path, top: Path) -> None:
    """Make the wheel of Sinetti and install it beside its Python packages."""
    wheels = source / "build" / "wheel"
    making = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps")
    run(*making, "--no-build-isolation", "--wheel-dir", wheels, source)
    pip("--no-index", *wheels.glob("sinetti-*.whl"), into=top / SITE)
    (top / "pyvenv.cfg").write_text(ENVIRONMENT, encoding="utf-8")


def tidy(folder: Path) -> None:
    """Remove programs and records of pip, which name folders of this machine."""
    for name in ("bin", "share"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for pattern in ("*.dist-info/direct_url.json", "*.dist-info/RECORD", "*.dist-info/REQUESTED"):
        for path in folder.glob(pattern):
            path.unlink()


def write_completion(source: Path) -> None:
    """Write the completion scripts of the shells with the program that is packed."""
    folder = source / "build" / "completion"
    folder.mkdir()
    paths = [str(source / "build" / "trees" / package / place) for package, (place, _) in TREES.items()]
    for shell, name in SHELLS.items():
        start = f"import sys; sys.path[:0] = {paths!r}; from sinetti.cli.entry import main; sys.exit(main())"
        text = run(PYTHON, "-I", "-B", "-c", start, "completion", shell)
        (folder / name).write_text(text, encoding="utf-8")


def write_copyright(source: Path) -> None:
    """Write debian/copyright with the licences that docs/licences.md lists."""
    read, text = licences.listed(licences.PAGE.read_text(encoding="utf-8")), lock.LOCK.read_text(encoding="utf-8")
    pins = sorted({lock.pin(one) for _, extras in TREES.values() for one in lock.select(text, extras)})
    lines = "\n".join(f" {name} {version}: {read[name]}" for name, version in pins if name in read)
    licence = (source / "LICENCE").read_text(encoding="utf-8")
    (source / "debian" / "copyright").write_text(
        "Sinetti, copyright its authors, is licensed under the EUPL-1.2, whose text is below.\n\n"
        f"/{PLACE} also holds these Python packages. Their authors' notices and licences are in\n"
        f"the folders *.dist-info there. Debian has the texts of LGPL-3, MPL-2.0 and Apache-2.0 in\n"
        f"/usr/share/common-licenses/LGPL-3, MPL-2.0 and Apache-2.0.\n\n{lines}\n\n{licence}",
        encoding="utf-8",
    )


def write_changelog(source: Path, version: str, when: datetime) -> None:
    """Write debian/changelog, which gives the packages their version."""
    maintainer = re.findall(r"^Maintainer: (.+)$", (DEBIAN / "control").read_text(encoding="utf-8"), re.MULTILINE)[0]
    (source / "debian" / "changelog").write_text(
        f"sinetti ({version}) unstable; urgency=medium\n\n  * Changes: see CHANGELOG.md.\n\n"
        f" -- {maintainer}  {format_datetime(when)}\n",
        encoding="utf-8",
    )


def build(source: Path, when: datetime) -> None:
    """Build the packages beside `source`."""
    known = {**os.environ, "SOURCE_DATE_EPOCH": str(int(when.timestamp())), "LC_ALL": "C.UTF-8"}  # noqa: TID251 - for children
    with (source.parent / "build.log").open("w", encoding="utf-8") as log:
        command = ["dpkg-buildpackage", "--build=binary", "--no-pre-clean", "--no-sign"]
        subprocess.run(command, cwd=source, env=known, check=True, stdout=log, stderr=log)  # noqa: S603 - own words


def judge(folder: Path) -> None:
    """Let lintian judge the packages in a folder.

    Raises CalledProcessError for an error or a warning.
    """
    (changes,) = folder.glob("*.changes")
    judged = ["lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0"]
    subprocess.run([*judged, str(changes)], check=True)  # noqa: S603 - own words


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", metavar="VERSION", help="a release, from its tag or recorded commit")
    parser.add_argument(
        "--into", metavar="FOLDER", type=Path, default=ROOT / "build" / "deb", help="default: build/deb"
    )
    args = parser.parse_args(arguments)
    commit, into = commit_of(args.release), args.into.resolve()
    shutil.rmtree(into, ignore_errors=True)
    source = into / "source"
    export(commit, source)
    version, when = version_of(source, commit, args.release), committed_at(commit)
    make_trees(source)
    write_completion(source)
    write_copyright(source)
    write_changelog(source, version, when)
    build(source, when)
    if args.release is None:
        judge(into)
    print("\n".join(str(path) for path in sorted(into.glob("*.deb"))))


if __name__ == "__main__":
    main()
