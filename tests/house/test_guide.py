"""Agreement of docs/integrators/integrators.md with other files, and order of its terms.

Quotations match the files that they come from. The page explains each term before it uses it.
"""

import json
import re
import shutil
import subprocess

import pytest

from tests.house.tree import ROOT
from tests.judges.peers import PEERS
from tests.support import tools

GUIDE = tools.script("guide")
PAGE = GUIDE.PAGE.read_text(encoding="utf-8")
VECTORS = {one["name"]: one for one in json.loads((GUIDE.VECTORS / "vectors.json").read_text())["vectors"]}
PROSE = re.sub(r"^```.*?^```$|<!--.*?-->|<details>.*?</details>", "", PAGE, flags=re.DOTALL | re.MULTILINE)

WORDS = {
    "key pair": "key pair",
    "private key": "private key",
    "public key": "public key",
    "RSA": r"\bRSA\b",
    "elliptic curve": "elliptic curve",
    "EC": r"\bEC\b",
    "digest": "digest",
    "signature": "signature",
    "certificate": "certificate",
    "certification authority": "certification authority",
    "CA": r"\bCAs?\b",
    "anchor": "anchor",
    "certificate signing request": "signing request",
    "CSR": r"\bCSRs?\b",
    "DER": r"\bDER\b",
    "Base64": "Base64",
    "PEM": r"\bPEM\b",
    "transfer IDs": "transfer IDs?",
    "retrieval ID": "retrieval IDs?",
    "renewal": "renewal",
    "revoked": "revok(?:ed|e)",
    "TLS": r"\bTLS\b",
    "XML Signature": "XML Signature",
    "canonical form": "canonical",
    "PKI": r"\bPKI\b",
    "PKCS#12": "PKCS#12",
    "PFX": r"\bPFX\b",
}
"""Terms that a programmer of payroll programs need not know, with their patterns."""

INTRODUCTION = PROSE.index("## 1. Terms")
"""End of the introduction, which only lists the content of the page.

Certificate and renewal stand there as names of the goal.
"""

FOREIGN = (
    r"keystore|truststore|X\.509|PKCS ?#?10|thumbprint|cipher|HSM|OCSP|\bCRLs?\b|\bPKIX\b|trust chain|nonce|\bASN\b"
)
"""Words that the guide can do without."""


def test_the_page_has_what_the_files_have():
    assert GUIDE.page(PAGE) == PAGE, "run `python scripts/guide.py`"


@pytest.mark.parametrize(("word", "pattern"), WORDS.items(), ids=WORDS)
def test_a_word_is_explained_where_it_comes_first(word, pattern):
    text = PROSE[INTRODUCTION:]
    explained = [range(*found.span()) for found in re.finditer(r"\*\*[^*]+\*\*", text)]
    first = re.search(pattern, text, re.IGNORECASE if word[0].islower() else re.NOFLAG)
    assert first is not None
    assert any(first.start() in span for span in explained), text[first.start() - 60 : first.end() + 60]


@pytest.mark.parametrize("word", WORDS)
def test_nothing_but_the_goal_is_named_before_the_words(word):
    assert word in {"certificate", "renewal"} or not re.search(WORDS[word], PROSE[:INTRODUCTION])


def test_there_are_no_words_that_nobody_explains():
    assert not re.findall(FOREIGN, re.sub("`[^`]+`", "", PROSE), re.IGNORECASE)


def test_a_message_on_the_page_is_the_file_but_for_its_layout():
    """The test compares without the script.

    White space between elements may differ, and long values may be cut.
    """
    found = re.findall(r"<!-- scripts/guide\.py: (?:xml|brief) (\S+) -->\n```xml\n(.*?)\n```\n", PAGE, re.DOTALL)
    assert len(found) > 5
    for name, block in found:
        line = re.sub(r"\n\s*", "", block)
        pattern = re.escape(line).replace(">…</ds:Signature>", r">[\s\S]+</ds:Signature>")
        pattern = pattern.replace("…", r"[A-Za-z0-9+/=\s]+")
        octets = (GUIDE.VECTORS / name).read_text(encoding="utf-8")
        assert re.fullmatch(pattern, re.sub(r">\n", ">", octets).strip()), name


def test_every_peer_has_a_title_and_no_other():
    assert {peer.name for peer in GUIDE.peers()} == set(GUIDE.TITLES) == {peer.name for peer in PEERS}


def test_a_part_of_a_program_on_the_page_stands_in_its_file():
    for peer in GUIDE.peers():
        for path, piece in GUIDE.parts(peer):
            assert piece in path.read_text(encoding="utf-8")
            assert piece.strip(), path


def test_the_codes_of_the_mistakes_are_those_of_their_vectors():
    codes = {
        one["files"]["request"]: one["outcome"].get("code") for one in VECTORS.values() if one["kind"] == "request"
    }
    found = re.findall(r"\[(PKI\d{3})\]\((?:\.\./){2}tests/vectors/([^)]+)\)", PAGE)
    # In a row of the table the code stands in the second column.
    found += re.findall(r"^\|[^|]+\| (PKI\d{3}).*\.\./tests/vectors/(requests/[^)]+)\)", PAGE, re.MULTILINE)
    assert len(found) > 7
    assert not [(code, name) for code, name in found if codes[name] != code]


def test_what_explain_says_of_the_mistakes_is_what_it_says():
    explaining = pytest.importorskip("sinetti.diagnostics.explain")
    rows = re.findall(r"^\| \*\*\d.*?\|[^|]+\| `([a-z-]+)`.*?\.\./tests/vectors/([^)]+)\)", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for guess, name in rows:
        told = explaining.diagnose((GUIDE.VECTORS / name).read_bytes(), explaining.DiagnosisContext())
        assert guess in [one.value for one in told.guesses], name


def test_the_names_that_the_programs_use_have_their_values_there():
    listed = dict(re.findall(r"^\| `([A-Z0-9]+)`[^|]*\| `([^`]+)`", PAGE, re.MULTILINE))
    program = (GUIDE.PEERS / "php" / "xmlsignature.php").read_text(encoding="utf-8")
    constants = dict(re.findall(r"^const (\w+) = '(http[^']+)';", program, re.MULTILINE))
    assert listed.pop("MORE") in program
    assert listed == {name: constants[name] for name in ("DS", "ENVELOPED", "EXCLUSIVE", "INCLUSIVE", "SHA256")}


def test_the_commands_can_be_read_by_a_shell():
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 10
    read = subprocess.run(["bash", "-n"], input="\n".join(blocks), text=True, capture_output=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("name", ["node", "requests", "zeep"])
def test_a_peer_whose_packages_are_not_there_says_how_they_come(name, tmp_path):
    run = tmp_path / "tests" / "judges" / "peers" / name / "run"
    run.parent.mkdir(parents=True)
    shutil.copy(GUIDE.PEERS / name / "run", run)
    done = subprocess.run([run], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (
        3,
        f"its packages are not there: run 'make peers PEER={name}' in the repository\n",
    )


# --- The script, on programs of several languages

JAVA = """\
    /** Signs. */
    static void sign(Document document,
            Key key) throws Exception {
        if (key == null) {
        }
    }"""
CSHARP = """\
    /// Verifies.
    public static void Verify(XmlDocument document)
    {
        Demand(true);
    }"""
PHP = """\
function signed(DOMDocument $document): string
{
    return sign($document);
}"""
JAVASCRIPT = """\
// Signs.
function signed(xml) {
  return sign(xml);
}"""
PYTHON = """\
    def verified(
        self,
        document,
    ):
        return sign(document)"""
BRIEF = """\
def verify(document):
    return in_full(document)"""
FULL = "def in_full(document):\n" + "    document = more(document)\n" * 12 + "    return document"
RENEW = """\
def renew(document):
    return seals.put_on(document)"""
MARKED = "a = 1\n# guide: begin\nb = 2\n# guide: end\ndef signed(x):\n    pass\n# guide: begin\nc = 3\n# guide: end\n"
PROGRAMS = {
    "Peer.java": (f"class Peer {{\n    int a;\n\n{JAVA}\n\n    void other() {{}}\n}}\n", [JAVA]),
    "Peer.cs": (f"static class Peer\n{{\n{CSHARP}\n\n    void Other() {{}}\n}}\n", [CSHARP]),
    "peer.php": (f"<?php\n{PHP}\n\nfunction more() {{}}\n", [PHP]),
    "peer.js": (f"'use strict';\n{JAVASCRIPT}\nconst a = 1;\n", [JAVASCRIPT]),
    "peer.py": (
        f"class Peer(Base):\n{PYTHON}\n\n    def renew(self):\n        pass\n",
        [PYTHON, "    def renew(self):\n        pass"],
    ),
    "brief.py": (f"{FULL}\n\n\n{BRIEF}\n\n\n{RENEW}\n", [BRIEF, RENEW, FULL]),
    "marked.py": (MARKED, ["b = 2", "c = 3"]),
    "short.py": ("print(1)\n", ["print(1)"]),
    "long.py": ("print(1)\n" * 200, []),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_shown_of_a_program(name, tmp_path):
    text, pieces = PROGRAMS[name]
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "sign.js").write_text("function sign() {\n}\n")
    (tmp_path / name).write_text(text)
    assert GUIDE.parts(tmp_path) == [(tmp_path / name, piece) for piece in pieces]


def test_a_folder_without_programs_is_no_peer(tmp_path):
    (tmp_path / "README").write_text("nothing")
    assert not GUIDE.sources(tmp_path)


def test_a_place_that_is_not_known_is_an_error():
    with pytest.raises(ValueError, match="no such part"):
        GUIDE.page("<!-- scripts/guide.py: nonsense -->\n<!-- scripts/guide.py: end -->\n")


def test_make_format_writes_the_page():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "scripts/guide.py" in makefile.partition("\nformat:")[2].partition("\n\n")[0]
