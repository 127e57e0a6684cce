"""Words that never appear in texts for people, by language (docs/glossary.md, CONTRIBUTING.md)."""

import re

import pytest

from tests.house.tree import DOCS, ROOT
from tests.support import tools

TEXTS = tools.script("texts")

NEVER = {
    "en": {
        "pronouns that hide the actor": r"\b(nobody|somebody|anybody|everybody|whoever|whatever)\b",
        "private words": r"\b(told|owed|mend(s|ed|ing)?|kindness(es)?|heed(s|ed|ing)?)\b",
        "translated idioms": r"\b(all the same|for good|speaks? of|comes? about|came about|of old|take[ns]? up)\b",
        "words for other things": r"two transfer ids|one-time code|closed interface|\bapi\b|\bmandates?\b",
        "names of the sign-in": r"app's codes|security code|backup code",
        "a contact without its noun": r"(?<![{-])\bcontacts?\b(?! persons?\b| the\b| its\b)",
    },
    "fi": {
        "terms": r"sertifikaat\w*|hakutunnu\w*|sulkeutu\w*|mitätöi\w*|peruut\w*|kontaktihenkilö\w*|allekirjoittaj\w*",
        "keys and orders": r"salai\w+ avai\w+|\bhakea\b|\bapi\b",
        "days of 24 hours": r"\bpäivää\b|\d päivän\b",
        "sign-in": r"vahva\w* kirjautu\w*|kirjaudu vahvasti|käyttäjätili\w*|passkey\w*",
        "names": r"sähköisessä palvelussa|asiakastunniste\w*",
        "translated idioms": r"odottaa sinua|mitään ei kulunut|kuka voi toimia",
    },
    "sv": {
        "terms": r"överförings-id|hemlig\w* nyck\w+|\bstäng\w*|återkall\w*|organisationsnummer|redovisningsbyrå",
        "keys and days": r"\bdagar\b|\bapi\b|\bsigner\w*",
        "sign-in": r"faktor\w*|stark\w* inlogg\w*|passkey\w*",
        "names": r"ställföreträd\w*|kundbeteckning\w*|tjänsteman\w*",
        "translated idioms": r"väntar på dig|vem kan göra något|detta stannar",
    },
}
"""Patterns of words that no text of the catalogues has; the glossary names the words to use."""
OF_APPLICATIONS = {"fi": r"hakemu\w*", "sv": r"ansök\w*", "en": r"$^"}
"""Words for the application for the technical interface alone; certificates are ordered."""
IN_DOCUMENTS = ("pronouns that hide the actor", "private words", "translated idioms")
"""Kinds that English documents avoid, too; they name code and other programs freely."""
IN_TRANSLATED_DOCUMENTS = ("terms", "sign-in", "names", "translated idioms")

DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])
CODE = re.compile(r"^```.*?^```$|^ {4}.*$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
RULES = re.compile(r"^1\. Name the actor.*$|\| [^|\n]+ \|$", re.MULTILINE)
"""The rule that names the words, and the last column of the glossary."""
EVERY_CATALOGUE = pytest.mark.parametrize("language", TEXTS.LANGUAGES)


def forms(text):
    """Return a text, or its forms for one and for more."""
    return text if isinstance(text, tuple) else (text,)


@EVERY_CATALOGUE
def test_no_text_has_a_word_that_never_appears(language):
    found = []
    for one in TEXTS.read(language):
        of_applications = r"$^" if "appl" in str(one.id).casefold() else OF_APPLICATIONS[language]
        for text in forms(one.string) if one.id else ():
            for pattern in (*NEVER[language].values(), of_applications):
                found += [f"{hit[0]}: {text}" for hit in [re.search(pattern, text.casefold())] if hit]
    assert found == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_document_has_a_word_that_never_appears(page):
    text = CODE.sub(" ", page.read_text(encoding="utf-8"))
    if page.name in {"CONTRIBUTING.md", "glossary.md"}:
        text = RULES.sub(" ", text)
    found = [hit[0] for kind in IN_DOCUMENTS for hit in re.finditer(NEVER["en"][kind], text, re.IGNORECASE)]
    assert found == []


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_no_translated_document_has_a_word_that_never_appears(language):
    catalogues = sorted((DOCS / "locale" / language).rglob("*.po"))
    assert catalogues
    found = []
    for place in catalogues:
        with place.open("rb") as opened:
            texts = [str(one.string) for one in TEXTS.read_po(opened) if one.id]
        for text in (CODE.sub(" ", text).casefold() for text in texts):
            hits = [re.search(NEVER[language][kind], text) for kind in IN_TRANSLATED_DOCUMENTS]
            found += [f"{place.stem}: {hit[0]}: {text}" for hit in hits if hit]
    assert found == []
