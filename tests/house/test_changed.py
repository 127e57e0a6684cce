"""The tests of a change (scripts/changed.py)."""

import pytest

from scripts.changed import ROOT, find_tests, modules

FILES = {
    "src/sinetti/pki/keys.py": "",
    "src/sinetti/ca/issue.py": "from sinetti.pki.keys import (\n    one,\n    two,\n)\n",
    "src/sinetti/api/answers.py": "from sinetti.ca import issue\n",
    "tests/pki/test_keys.py": "import sinetti.pki.keys\n",
    "tests/pki/test_other.py": "",
    "tests/pki/test_texts.py": 'golden.check("keys", {})\n',
    "tests/ca/test_issue.py": "from tests.support.scene import built\n",
    "tests/ca/test_lists.py": "",
    "tests/api/test_answers.py": "from sinetti.api import answers\n",
    "tests/attacks/test_keys.py": "from sinetti.pki import keys\n",
    "tests/judges/test_openssl.py": "from sinetti.pki import keys\n",
    "tests/house/test_pages.py": "",
    "tests/eservice/conftest.py": "",
    "tests/support/scene.py": "from sinetti.ca import issue\n",
}
CHANGES = {
    "a module": ("src/sinetti/pki/keys.py", ["tests/attacks/test_keys.py", "tests/ca/test_issue.py", "tests/pki"]),
    "a template of a folder without tests": ("src/sinetti/pki/signers/page.html", ["tests/pki"]),
    "a support of tests": ("tests/support/scene.py", ["tests/ca/test_issue.py"]),
    "a test": ("tests/ca/test_lists.py", ["tests/ca/test_lists.py"]),
    "a judge": ("tests/judges/test_openssl.py", []),
    "fixtures of a folder": ("tests/eservice/conftest.py", ["tests/eservice"]),
    "a golden file": ("tests/golden/keys/en.txt", ["tests/pki/test_texts.py"]),
    "a page": ("docs/index.md", ["tests/house"]),
    "a file that is gone": ("src/sinetti/ca/former.py", ["tests/ca"]),
}


@pytest.mark.parametrize(("changed", "expected"), CHANGES.values(), ids=CHANGES)
def test_the_tests_of(changed, expected, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert find_tests([changed], tmp_path) == expected


def test_every_module_is_known_by_the_name_that_imports_have():
    known = modules(ROOT)
    assert known["sinetti"] == "src/sinetti/__init__.py"
    assert known["tests.house.test_changed"] == "tests/house/test_changed.py"
