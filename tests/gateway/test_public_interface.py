"""Names that `sinetti.gateway` exports.

docs/relying/gateway.md and docs/relying/gateway-serve.md import them.
"""

import ast
import re
import subprocess
import sys
from importlib import import_module

import pytest

import sinetti.gateway
from tests.support.tools import ROOT

PAGES = ("gateway.md", "gateway-serve.md")


def imports(page):
    text = (ROOT / "docs" / "relying" / page).read_text(encoding="utf-8")
    for code in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom))


@pytest.mark.parametrize("page", PAGES)
def test_the_programs_of_the_pages_import_nothing_else_of_sinetti(page):
    ours = [node for node in imports(page) if node.module.startswith("sinetti")]
    assert {node.module for node in ours} == {"sinetti.gateway"}
    assert {alias.name for node in ours for alias in node.names} <= set(sinetti.gateway.__all__)


@pytest.mark.parametrize("name", sinetti.gateway.__all__)
def test_each_name_is_that_of_its_module(name):
    (module,) = (module for module, names in sinetti.gateway._MODULES.items() if name in names)
    assert getattr(sinetti.gateway, name) is getattr(import_module(module), name)


def test_the_table_has_each_name_once():
    assert sorted(name for names in sinetti.gateway._MODULES.values() for name in names) == sinetti.gateway.__all__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Unknown'"):
        _ = sinetti.gateway.Unknown


def test_the_command_of_logins_loads_no_middleware():
    code = "import sys, sinetti.gateway.ssh_authorized_keys; print(*[one for one in sys.modules if '.web.' in one])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "sinetti.gateway.web.asgi_middleware" not in loaded
