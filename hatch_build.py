"""Build hook: compiles the catalogues of texts, so that an installed package, editable or not, has them."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TextsBuildHook(BuildHookInterface[Any]):
    """Makes the .mo files beside the .po files and puts them into the wheel (git ignores them)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile before anything is collected."""
        tool = runpy.run_path(str(Path(self.root) / "scripts" / "texts.py"))
        places = tool["compile_all"]()
        build_data["artifacts"] += [place.relative_to(self.root).as_posix() for place in places]
