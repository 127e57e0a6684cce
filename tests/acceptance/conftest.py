"""Tests of `make acceptance`: a run of all tests leaves them out, one that names this folder has them."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore every file here unless the command names this folder or a file in it."""
    named = [Path(config.invocation_params.dir, one.partition("::")[0]) for one in config.args]
    return None if any(HERE in (path, *path.parents) for path in named) or collection_path == HERE else True
