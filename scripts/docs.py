"""Tool for the documentation site (docs/); needs the extra `docs`.

    python scripts/docs.py build|update
    python scripts/docs.py untranslated LANGUAGE PAGE…
    python scripts/docs.py translate LANGUAGE FILE

`build` writes the site into build/docs/. `update` brings the catalogues in docs/locale/ up to date with the pages.
`untranslated` prints the texts of pages (`holders/client`) that have no translation, as JSON for `translate`, which
takes a list of objects with `page`, `id` and `text`.
"""

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
LOCALE = DOCS / "locale"
BUILD = ROOT / "build"
SITE = BUILD / "docs"
POTS = BUILD / "sphinx" / "gettext"
LANGUAGES = ("fi", "sv", "en")
TRANSLATIONS = ("fi", "sv")
TRANSLATED = (
    "index",
    "about",
    "guide/index",
    "guide/accounts",
    "guide/certificates",
    "guide/ordering",
    "guide/authorisations",
    "guide/applications",
    "guide/clerks",
    "holders/index",
    "holders/client",
    "holders/agent",
    "holders/systemd",
    "integrators/index",
    "integrators/errors",
    "integrators/explain",
    "integrators/integrators",
    "integrators/interface",
    "integrators/testbench",
    "relying/index",
    "relying/gateway",
    "operators/index",
    "e-service/index",
    "contributors/index",
    "commands",
)
"""Pages that every language has as a whole."""
CODE = re.compile(r"`[^`]*`")
HEADER = """\
# Documentation of Sinetti in this language. Terms: docs/glossary.md.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
START = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sinetti</title>
<script>
  const known = ["fi", "sv", "en"]
  const wanted = navigator.languages.map(one => one.slice(0, 2)).find(one => known.includes(one))
  location.replace((wanted ?? "en") + "/index.html")
</script>
<main>
  <h1>Sinetti</h1>
  <ul>
    <li><a href="fi/index.html" lang="fi" hreflang="fi">Suomeksi</a></li>
    <li><a href="sv/index.html" lang="sv" hreflang="sv">På svenska</a></li>
    <li><a href="en/index.html" lang="en" hreflang="en">In English</a></li>
  </ul>
</main>
</html>
"""
"""First page of the site, which leads to the language of the browser."""


def po_file(language: str, page: str) -> Path:
    """Return the path of the catalogue of a page in a language."""
    return LOCALE / language / "LC_MESSAGES" / f"{page}.po"


def read(place: Path) -> Catalog:
    """Read a catalogue; broken lines are errors.

    A catalogue that does not exist is empty.
    """
    if not place.is_file():
        return Catalog()
    with place.open("rb") as opened:
        return read_po(opened, abort_invalid=True)


def write(place: Path, language: str, catalogue: Catalog) -> None:
    """Write a catalogue without dates and line numbers.

    So it changes only with its texts.
    """
    body = io.BytesIO()
    write_po(body, catalogue, width=110, no_location=True, omit_header=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(HEADER.format(language=language).encode() + body.getvalue())


def sphinx(builder: str, target: Path, doctrees: Path, language: str) -> subprocess.Popen[str]:
    """Start a whole build; its warnings are errors."""
    words = ["-b", builder, "-E", "-W", "--keep-going", "-n", "-q", "-D", f"language={language}"]
    return subprocess.Popen(  # noqa: S603 -- its own words and this interpreter
        [sys.executable, "-m", "sphinx", *words, "-d", doctrees, DOCS, target],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(running: Sequence[subprocess.Popen[str]]) -> int:
    """Wait for builds, print their warnings and return an exit code."""
    for one in running:
        printed, _ = one.communicate()
        sys.stderr.write(printed)
    return max(abs(int(one.returncode)) for one in running)


def build() -> int:
    """Build the site in every language at a time, in folders that were emptied."""
    shutil.rmtree(SITE, ignore_errors=True)
    running = [sphinx("html", SITE / one, BUILD / "sphinx" / one, one) for one in LANGUAGES]
    code = wait_for(running)
    (SITE / "index.html").write_text(START, encoding="utf-8")
    return code


def same_everywhere(text: object) -> str:
    """Return a text that consists of code, codes and numbers, else an empty string."""
    words = CODE.sub("", str(text))
    return "" if re.search(r"[^\W\d_A-Z]{2}", words) else str(text)


def update() -> int:
    """Bring the catalogues of `TRANSLATED` up to date with the pages.

    A text that changed loses its translation. Returns the exit code of Sphinx; if that is not 0, nothing changes.
    """
    code, texts = page_texts()
    if code:
        return code
    for language in TRANSLATIONS:
        for page, ids in texts.items():
            old, new = read(po_file(language, page)), Catalog(locale=language, fuzzy=False)
            for one in ids:
                kept = old.get(one)
                new.add(one, (kept.string if kept else "") or same_everywhere(one))
            write(po_file(language, page), language, new)
    return 0


def page_texts() -> tuple[int, dict[str, list[str]]]:
    """Return an exit code, and the texts of the pages in `TRANSLATED` in their order."""
    shutil.rmtree(POTS, ignore_errors=True)
    code = wait_for([sphinx("gettext", POTS, BUILD / "sphinx" / "gettext-trees", "en")])
    return code, {} if code else {
        page: [str(one.id) for one in read(POTS / f"{page}.pot") if one.id] for page in TRANSLATED
    }


def untranslated(language: str, *pages: str) -> int:
    """Print the texts of pages without a translation."""
    found = [
        {"page": page, "id": one.id, "text": ""}
        for page in pages or TRANSLATED
        for one in read(po_file(language, page))
        if one.id and not one.string
    ]
    print(json.dumps(found, indent=1, ensure_ascii=False))
    return 0


def translate(language: str, name: str) -> int:
    """Write translations from a JSON file into the catalogues.

    Returns 1 if a text is not in its catalogue.
    """
    wrong = 0
    by_page: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(Path(name).read_text(encoding="utf-8")):
        by_page.setdefault(one["page"], []).append(one)
    for page, texts in by_page.items():
        catalogue = read(po_file(language, page))
        for one in texts:
            found = catalogue.get(one["id"])
            if found is None:
                wrong += 1
                print(f"{page}: no such text: {one['id']!r}", file=sys.stderr)
            elif one["text"]:
                found.string = one["text"]
        write(po_file(language, page), language, catalogue)
    return min(wrong, 1)


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands."""
    match arguments:
        case ["build"]:
            return build()
        case ["update"]:
            return update()
        case ["untranslated", language, *pages]:
            return untranslated(language, *pages)
        case ["translate", language, name]:
            return translate(language, name)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
