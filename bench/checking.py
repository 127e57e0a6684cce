"""Checks of the results: answers, database, audit rows and journal."""

import re
from collections.abc import Sequence

from django.db import connections

from bench.scene import Holder
from sinetti.authority.bootstrap import Authority
from sinetti.database import models
from sinetti.journal import reader
from sinetti.pki.chain import issuers_of
from sinetti.wire.soap.operations import Operation, read_response

_RETRIEVAL_ID = re.compile(rb"<RetrievalId>([0-9a-f]{32})</RetrievalId>")
_LOOKED_INTO = 50


class WrongAnswer(RuntimeError):
    """Raised where an answer does not match the stored data."""


def check(authority: Authority, answers: Sequence[bytes], holders: Sequence[Holder]) -> None:
    """Raise WrongAnswer unless each holder has exactly one renewal.

    The database, the audit rows and the journal must agree with the answers.
    """
    ids = [_id_of(answer) for answer in answers]
    _demand(len(ids) == len(set(ids)) == len(holders), "an answer is missing, or a retrieval id came twice")
    anchors = [authority.ctx.issuers[authority.hierarchy.services.file_name].certificate]
    for answer in answers[:_LOOKED_INTO]:
        body = answer[answer.index(b"\r\n\r\n") + 4 :]
        said = read_response(body, Operation.RENEW, lambda signer: bool(issuers_of(signer, anchors)))
        _demand(said.status_ok, "an answer is no OK")
    _demand(_renewed(authority, holders) == set(ids), "the register has other renewals than were answered")
    alias = authority.ctx.db.alias
    serials = set(models.Certificate.objects.using(alias).filter(origin="renewal").values_list("serial", flat=True))
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT object FROM sinetti_auditevent WHERE action = 'certificate-issued' AND actor <> 'operator'"
        )
        audited = [row[0].removeprefix("certificate:") for row in cursor.fetchall()]
    _demand(sorted(audited) == sorted(serials), "the audit rows are not those of the renewals")
    journalled = [
        line.facts["serial"]
        for path in reader.files(authority.journal.folder)
        for line in reader.read(path)
        if line.kind == "issued" and line.facts.get("predecessor")
    ]
    _demand(set(journalled) == serials, "the journals do not know every renewal")
    _demand(
        models.OutboxMessage.objects.using(alias).filter(kind="renewed").count() == len(serials),
        "a message is not due",
    )


def _renewed(authority: Authority, holders: Sequence[Holder]) -> set[bytes]:
    wanted = {holder.serial for holder in holders}
    rows = models.Certificate.objects.using(authority.ctx.db.alias).filter(
        predecessor__isnull=False, sha256__isnull=False, octets__der__isnull=False, state="issued"
    )
    return {one.encode() for before, one in rows.values_list("predecessor__serial", "retrieval_id") if before in wanted}


def _id_of(answer: bytes) -> bytes:
    found = _RETRIEVAL_ID.search(answer)
    _demand(found is not None and b"<Status>OK</Status>" in answer, answer[-1500:].decode(errors="replace"))
    return found[1] if found else b""


def _demand(condition: bool, sentence: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise WrongAnswer(sentence)
