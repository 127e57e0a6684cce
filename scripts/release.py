"""Builds what a release consists of into build/release: `make release`.

Source distribution and wheel come from the last commit alone, are built twice in different folders, and must be equal.
Beside them lie the lock, the components (CycloneDX) and their checksums. Next steps: docs/contributors/release.md.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import lock  # a script beside this one

FOLDER = lock.ROOT / "build" / "release"
EXTRAS = ["authority", "fast", "gateway", "pkcs11", "telemetry"]
SUMS = "SHA256SUMS"


def ran(*words: object, folder: Path = lock.ROOT) -> bytes:
    """Run a program, which must succeed; return standard output."""
    command = [str(word) for word in words]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True).stdout  # noqa: S603 - own words


def build(tree: Path, into: Path, committed_at: int) -> None:
    """Build source distribution and wheel of a tree.

    Every file in them gets the instant `committed_at`, in seconds.
    """
    words = ("-m", "hatchling", "build", "--directory", into)
    ran("env", f"SOURCE_DATE_EPOCH={committed_at}", sys.executable, *words, folder=tree)


def sums(folder: Path) -> str:
    """Return the lines of `sha256sum` for the files of a folder.

    The sums themselves and signatures are left out.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(SUMS))
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def write_components(environment: Path, wheel: Path, committed_at: int) -> None:
    """Write the components (CycloneDX 1.6) of an installation, beside the wheel.

    The installation has the packages of the lock.
    """
    uv = (sys.executable, "-m", "uv", "--quiet", "--no-config")
    selected = environment.with_suffix(".txt")
    selected.write_text("".join(lock.select(lock.LOCK.read_text(encoding="utf-8"), EXTRAS)), encoding="utf-8")
    ran(*uv, "venv", "--python", sys.executable, environment)
    ran(*uv, "pip", "install", "--python", environment, "--require-hashes", "--requirement", selected)
    words = ("--pyproject", lock.PYPROJECT, "--output-reproducible", "--spec-version", "1.6", "--output-format", "JSON")
    place = wheel.with_name(wheel.name.split("-py3")[0] + ".cdx.json")
    command = (sys.executable, "-m", "cyclonedx_py", "environment", *words, "--output-file", place, environment)
    ran("env", f"SOURCE_DATE_EPOCH={committed_at}", *command)
    listed = json.loads(place.read_text(encoding="utf-8"))
    listed["metadata"]["component"]["version"] = wheel.name.split("-")[1]  # pyproject.toml has the place of it alone
    place.write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def unpack(into: Path) -> None:
    """Lay out the files of the last commit."""
    with tarfile.open(fileobj=BytesIO(ran("git", "archive", "HEAD"))) as archive:
        archive.extractall(into, filter="data")


def main() -> int:
    """Build everything; the exit code is 0, or 3 with a sentence on standard error."""
    if ran("git", "status", "--porcelain"):
        print("release: the tree has changes; commit them, since a release is made of a commit", file=sys.stderr)
        return 3
    committed_at = int(ran("git", "log", "-1", "--format=%ct"))
    with tempfile.TemporaryDirectory() as scratch:
        trees = [Path(scratch) / name for name in ("first", "a-second-place")]
        for tree in trees:
            unpack(tree)
            build(tree, tree / "built", committed_at)
        first, second = (sums(tree / "built") for tree in trees)
        if first != second:
            print(f"release: two builds differ; nothing is kept\n{first}{second}", file=sys.stderr)
            return 3
        (wheel,) = (trees[0] / "built").glob("*.whl")
        write_components(Path(scratch) / "environment", wheel, committed_at)
        shutil.copy(lock.LOCK, wheel.parent)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(wheel.parent, FOLDER)
    (FOLDER / SUMS).write_text(sums(FOLDER), encoding="ascii")
    print(sums(FOLDER), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
