"""Samples of messages in every language.

docs/messages/ shows the text that is really written. Every sample keeps the rules for messages.
"""

import re
from dataclasses import replace

import pytest
from lxml import html as reader

from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.values import Environment, Language
from sinetti.notifications.previews.samples import CASES, sample, sample_context
from sinetti.notifications.templates import markup
from sinetti.notifications.templates.renderer import EMAILS, TEXT_MESSAGES
from tests.house.test_words import NEVER
from tests.house.tree import DOCS, rows
from tests.support import golden, message_samples

LINK = re.compile(r"https?://\S+")
PAGE = DOCS / "messages" / "README.md"


def test_the_folder_shows_what_is_written(db):
    golden.check("messages", message_samples.samples(db))


def test_every_kind_is_written_and_shown():
    assert set(EMAILS) | set(TEXT_MESSAGES) == set(MessageKind)
    assert {(one.kind, one.channel) for one in CASES} == {
        *((kind, MessageChannel.EMAIL) for kind in EMAILS),
        *((kind, MessageChannel.SMS) for kind in TEXT_MESSAGES),
    }


def test_the_page_has_every_kind():
    assert {cells[0].strip("`") for cells in rows(PAGE, "kind")} == {kind.value for kind in MessageKind}


def words_of_text(text):
    return re.sub(r"^- ", "", text, flags=re.MULTILINE).split()


def words_of_html(html):
    tree = reader.document_fromstring(html)
    return " ".join(one.text_content() for one in tree.iter("p", "li")).split()


def check_email(letter, language):
    assert 0 < len(letter.subject) <= markup.LONGEST_SUBJECT
    assert letter.subject.isprintable()
    links = LINK.findall(letter.text)
    assert len(links) <= 1
    assert all(f"\n\n{one}\n\n" in letter.text for one in links), "a link stands alone on its line"
    assert words_of_html(letter.html) == words_of_text(letter.text)
    tree = reader.document_fromstring(letter.html)
    assert tree.get("lang") == language
    assert [one.get("href") for one in tree.iter("a")] == links
    assert not [one for one in tree.iter() if one.tag in {"img", "script", "style", "link", "iframe", "form"}]
    attributes = {name for one in tree.iter() for name in one.attrib}
    assert attributes <= {"lang", "charset", "name", "content", "style", "href"}


LETTERS = {Language.FI: "äö", Language.SV: "åäö", Language.EN: ""}


def test_every_letter_in_every_language(sqlite_db):
    for language, case, letter in message_samples.letters(sqlite_db):
        about = f"{case.kind}, {case.title}, {language}"
        is_operator = case.to is None and case.kind in {MessageKind.OPERATOR, MessageKind.DRILL}
        assert letter.language is (Language.EN if is_operator else language), about
        assert letter.kind is case.kind
        whole = f"{letter.subject}\n{letter.text}"
        assert not re.search(r"[{}]|None|  |\r", whole), about
        for forbidden in NEVER[letter.language].values():
            assert not re.search(forbidden, whole.casefold()), about
        if letter.channel is MessageChannel.EMAIL:
            check_email(letter, letter.language)
            assert all(one in letter.text and one in letter.html for one in LETTERS[letter.language]), about
        else:
            assert (letter.subject, letter.html) == ("", "")
            assert len(letter.text) <= markup.LONGEST_SMS, about
            assert markup.is_texted(letter.text), about


def context(environment):
    return replace(sample_context(CASES[0], None), environment=environment)


@pytest.mark.parametrize("kind", MessageKind)
def test_a_preview_of_each_kind_is_not_the_first_message(kind):
    """The notice about personal data is in the first message to a person only."""
    letter = sample(kind, Language.EN, context(Environment.TEST))
    assert letter.kind is kind
    assert "controller" not in letter.text


@pytest.mark.parametrize("kind", MessageKind)
def test_a_preview_speaks_of_the_test_environment_in_test_alone(kind):
    """An operator of PRODUCTION would otherwise take the preview for a fault of the settings."""
    production, test = (sample(kind, Language.EN, context(one)) for one in Environment)
    assert "test environment" not in production.text
    assert not production.text.startswith("TEST")
    assert (test.text != production.text) or kind is MessageKind.OPERATOR
