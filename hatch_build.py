"""Build hook: adds the compiled catalogues of texts and the commit to a package, installed editable or not."""

import runpy
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TextsBuildHook(BuildHookInterface[Any]):
    """Makes the .mo files beside the .po files and puts them into the wheel (git ignores them), with the commit."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before anything is collected. A wheel has the commit in a file, unless it is a release."""
        tool = runpy.run_path(str(Path(self.root) / "scripts" / "texts.py"))
        places = tool["compile_all"]()
        build_data["artifacts"] += [place.relative_to(self.root).as_posix() for place in places]
        commit = self._commit()
        if self.target_name == "wheel" and version != "editable" and commit:
            self._folder = Path(tempfile.mkdtemp())
            (self._folder / "commit.txt").write_text(commit, encoding="ascii")
            build_data["force_include"][str(self._folder / "commit.txt")] = "sinetti/commit.txt"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's signature
        """Remove what only the build needed."""
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder)

    def _commit(self) -> str:
        """Return the first digits of the commit, or nothing for a release or files without history."""
        described = (Path(self.root) / ".git_archival.txt").read_text(encoding="utf-8")
        if described.startswith("$"):  # a checkout: only `git archive` fills it in
            if not (Path(self.root) / ".git").exists() or shutil.which("git") is None:
                return ""
            command = ("git", "-C", self.root, "show", "--no-patch", "--format=%H %D", "HEAD")
            described = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed words
        names = described.strip().replace(",", "").split()
        return "" if f"v{self.metadata.version}" in names else names[0][:8]
