"""Texts of refusals: one per language for every reason.

Each is complete, short enough, in the right terms, and ends with the next step.
"""

import re
from datetime import UTC, datetime

import pytest

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Language
from sinetti.i18n.refusals import LONGEST, REFUSALS
from sinetti.i18n.translate import placeholders, refusal_text, translate

LONG_INSTANT = datetime(2027, 9, 30, 10, 59, tzinfo=UTC)
LONGEST_ELEMENT = "SignNewCertificateRequest"
FULL = {"opens": LONG_INSTANT, "ended": LONG_INSTANT, "element": LONGEST_ELEMENT, "reference": "f" * 32}

EVERY_LANGUAGE = pytest.mark.parametrize("language", Language)
EVERY_REASON = pytest.mark.parametrize("reason", RejectionReason)

NEXT_STEPS = {
    Language.FI: (
        "lähetä", "pyydä", "tilaa", "tarkista", "tee", "nouda", "kysy", "odota", "kerro", "allekirjoita",
    ),
    Language.SV: ("skicka", "be", "beställ", "kontrollera", "gör", "hämta", "fråga", "vänta", "meddela", "signera"),
    Language.EN: ("send", "ask", "order", "check", "make", "retrieve", "wait", "tell", "sign"),
}  # fmt: skip

FROM_THE_FACTS = {
    ("too early", Language.FI): (
        "Liian aikaista: varmenteen voi uusia aikaisintaan 3.3.2027 klo 13.03. Lähetä sama pyyntö silloin uudelleen. "
        "Nykyinen varmenne on voimassa 2.5.2027 klo 14.03 asti."
    ),
    ("too early", Language.SV): (
        "För tidigt: certifikatet kan förnyas tidigast 3.3.2027 kl. 13.03. Skicka samma begäran på nytt då. "
        "Det nuvarande certifikatet gäller till 2.5.2027 kl. 14.03."
    ),
    ("too early", Language.EN): (
        "Too early: this certificate can be renewed from 3 March 2027 at 13:03 (Finnish time). Send the same request "
        "again then. The current certificate is valid until 2 May 2027 at 14:03."
    ),
    ("expired", Language.FI): (
        "Varmenne vanheni 2.5.2027 klo 14.03, joten sitä ei voi enää uusia. Tilaa uusi varmenne asiointipalvelussa "
        "(Asetukset > Tekninen rajapinta ja varmenteet). Se noudetaan samalla tavalla kuin ensimmäinen."
    ),
    ("expired", Language.SV): (
        "Certifikatet gick ut 2.5.2027 kl. 14.03 och kan inte längre förnyas. Beställ ett nytt i e-tjänsten "
        "(Inställningar > Tekniskt gränssnitt och certifikat). Det hämtas på samma sätt som det första."
    ),
    ("expired", Language.EN): (
        "This certificate expired on 2 May 2027 at 14:03 and can no longer be renewed. Order a new one in the "
        "e-service (Settings > Technical interface and certificates). Retrieve it in the same way as the first one."
    ),
    ("signature", Language.EN): (
        "The signature does not match the request. Sign the request element last, as a document of its "
        "own. Change nothing afterwards (no indentation, no line breaks) and send the request again."
    ),
}
ENDS = datetime(2027, 5, 2, 11, 3, tzinfo=UTC)
OPENS = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
REFUSED = {
    "too early": Rejection(RejectionReason.TOO_EARLY, opens=OPENS, ended=ENDS),
    "expired": Rejection(RejectionReason.SIGNER_EXPIRED, ended=ENDS),
    "signature": Rejection(RejectionReason.SIGNATURE_INVALID),
}


def every_filled_text(language: Language) -> list[str]:
    """Return each reason's text with all values, and with none."""
    refusals = [Rejection(reason, **FULL) for reason in RejectionReason] + [
        Rejection(reason) for reason in RejectionReason
    ]
    return [refusal_text(refusal, language) for refusal in refusals]


def test_every_reason_has_texts():
    assert set(REFUSALS) == set(RejectionReason)


@pytest.mark.parametrize(("case", "language"), FROM_THE_FACTS, ids=str)
def test_the_texts_that_the_facts_give(case, language):
    assert refusal_text(REFUSED[case], language) == FROM_THE_FACTS[case, language]


@EVERY_LANGUAGE
def test_longest_values_fit(language):
    assert max(len(filled) for filled in every_filled_text(language)) <= LONGEST


@EVERY_LANGUAGE
@EVERY_REASON
def test_the_fullest_variant_is_used_with_the_longest_values(reason, language):
    """Otherwise a text would have been replaced by a shorter variant that says less."""
    filled = refusal_text(Rejection(reason, **FULL), language)
    fullest = translate(REFUSALS[reason][0], language, **dict.fromkeys(placeholders(REFUSALS[reason][0]), "X"))
    assert filled.split(maxsplit=2)[:2] == fullest.split(maxsplit=2)[:2]
    if "reference" in placeholders(REFUSALS[reason][0]):
        assert "f" * 32 in filled


@EVERY_LANGUAGE
@EVERY_REASON
def test_a_value_too_long_for_the_answer_is_left_out(reason, language):
    filled = refusal_text(Rejection(reason, element="E" * 300, reference="f" * 300), language)
    assert len(filled) <= LONGEST
    assert "EEE" not in filled
    assert "fff" not in filled


@EVERY_REASON
def test_the_last_variant_needs_no_value(reason):
    assert placeholders(REFUSALS[reason][-1]) == frozenset()


@EVERY_REASON
def test_variants_go_from_the_fullest_to_the_barest(reason):
    counts = [len(placeholders(variant)) for variant in REFUSALS[reason]]
    assert counts == sorted(set(counts), reverse=True)


@EVERY_LANGUAGE
def test_texts_are_whole_sentences(language):
    for filled in every_filled_text(language):
        assert filled == filled.strip()
        assert filled.endswith(".")
        assert not re.search(r"[{}]|None|  |\n", filled), filled


@EVERY_LANGUAGE
def test_every_text_names_a_next_step(language):
    for filled in every_filled_text(language):
        words = set(re.findall(r"\w+", filled.casefold()))
        assert words & set(NEXT_STEPS[language]), filled


@EVERY_LANGUAGE
@pytest.mark.parametrize("reason", [reason for reason in RejectionReason if reason is not RejectionReason.NOT_READY])
def test_it_stays_one_text_per_reason_and_language(reason, language):
    assert refusal_text(Rejection(reason), language) != refusal_text(Rejection(RejectionReason.NOT_READY), language)


@EVERY_LANGUAGE
def test_unknown_wrong_spent_and_lapsed_ids_have_one_answer(language):
    """TRANSFER_IDS_WRONG names only the items to check, for any facts of the refusal."""
    bare = refusal_text(Rejection(RejectionReason.TRANSFER_IDS_WRONG), language)
    assert refusal_text(Rejection(RejectionReason.TRANSFER_IDS_WRONG, **FULL), language) == bare
    assert "14" in bare


@EVERY_LANGUAGE
def test_opening_known_but_not_the_end(language):
    filled = refusal_text(Rejection(RejectionReason.TOO_EARLY, opens=OPENS), language)
    assert "2027" in filled
    assert filled.count("2027") == 1


@EVERY_LANGUAGE
def test_malformed_names_the_element_of_the_schema(language):
    assert "CertificateRequest" in refusal_text(
        Rejection(RejectionReason.MALFORMED, element="CertificateRequest"), language
    )
