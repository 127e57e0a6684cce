"""Drafts: what a reader typed into a form, kept in the session for an hour.

Each form carries a signed statement: its reader, its draft, and the names of the fields that may be kept. A field
that the statement does not name is never kept. See docs/e-service/pages.md, "Drafts".
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Any

from allauth.core.internal import ratelimit
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.files.uploadedfile import UploadedFile
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, QueryDict
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

from sinetti.eservice.core.authentication import current_actor
from sinetti.eservice.core.context import portal_context
from sinetti.services.issuance.browser_enrolment import CsrUploadError, parse_upload

KEEPS = "sinetti_keeps_typed"
"""View attribute: the values of the buttons that act."""
STATEMENT = "typed"
"""Name of the hidden field with the signed statement."""
BUTTON = "do"
"""Name of all buttons."""
DRAFT, LANGUAGE = "draft", "lang"
"""Query parameters: the draft that a page shows, and the language to show it in."""
BLANK = "none"
"""Value of `draft` for an empty form."""
KEPT_FOR = timedelta(hours=1)
_KEY, _SALT = "sinetti_drafts", "sinetti.drafts"
_MOST, _LARGEST = 10, 16 * 1024
_OCTETS, _OWNER_DIGITS = 16, 32
_SECRET_KINDS = frozenset({"password", "file"})
_SECRET_NAME = re.compile(r"(.*_)?((old)?password\d?|pin|code|otp|credential|secret|key|csrfmiddlewaretoken)")

Fields = Mapping[str, Sequence[str]]
"""Values of a form by the name of their field."""


@dataclass(frozen=True)
class Statement:
    """Signed statement of a form: its reader, its draft, and the names to keep.

    `owner` is a keyed hash. `visible` is the number of fields that the reader sees. `button` is the value of the
    button that led to the page, if it did not act.
    """

    owner: str
    draft_id: str
    names: Sequence[str]
    visible: int
    button: str = ""

    def signed(self) -> str:
        """Return the value of the hidden field."""
        return Signer(salt=_SALT).sign_object([self.owner, self.draft_id, list(self.names), self.visible, self.button])


@dataclass(frozen=True)
class Draft:
    """Draft of a form at one address.

    `sent` are fields that the page was sent, `typed` are values for the fields of the shown page. `notes` are errors
    of an act by name of their field, with `language` and `status` of their page. `button` is that of the statement.
    `is_unsent` if the session had ended or the page was old. `done` is where an act led, at `done_at`, with a digest
    of its fields.
    """

    path: str
    query: str
    owner: str
    at: float
    draft_id: str = field(default_factory=lambda: token_hex(_OCTETS))
    sent: Fields | None = None
    typed: Fields | None = None
    notes: Sequence[Sequence[str]] = ()
    language: str = ""
    status: int = 0
    button: str = ""
    is_unsent: bool = False
    done: str = ""
    done_at: float = 0.0
    digest: str = ""

    @property
    def address(self) -> str:
        """Address that shows the draft."""
        return f"{self.path}?{self.query}{'&' if self.query else ''}{DRAFT}={self.draft_id}"

    @property
    def values(self) -> Fields:
        """Values for the fields of a page."""
        return self.typed if self.typed is not None else self.sent or {}


def is_secret(name: str, kind: str) -> bool:
    """Return True for a field that is never kept: a password, code, file or token."""
    return kind in _SECRET_KINDS or _SECRET_NAME.fullmatch(name) is not None


def owner_of(request: HttpRequest) -> str:
    """Return a keyed hash of the reader's account; empty for a stranger."""
    actor = current_actor(request)
    return "" if actor is None else salted_hmac(_SALT, actor.user_id, algorithm="sha256").hexdigest()[:_OWNER_DIGITS]


def read_statement(request: HttpRequest) -> Statement | None:
    """Return the statement of the sent form; None without one for this reader.

    Without a session every reader's statement counts, because the session may have ended.
    """
    try:
        owner, draft_id, names, visible, button = Signer(salt=_SALT).unsign_object(request.POST.get(STATEMENT, ""))
    except (BadSignature, ValueError):
        return None
    there = owner_of(request)
    mine = not there or constant_time_compare(there, owner)
    return Statement(owner, draft_id, names, visible, button) if mine else None


def fields_of(request: HttpRequest, names: Sequence[str]) -> Fields:
    """Return the sent values of these fields, but no private key and no zero octet.

    An unticked box has no value.
    """
    return {
        name: [
            text
            for text in request.POST.getlist(name)
            if ("\0" not in text and parse_upload(text.encode()) is not CsrUploadError.PRIVATE_KEY)
        ]
        for name in names
    }


def sent_by(request: HttpRequest, statement: Statement) -> Fields:
    """Return the sent values of the form, with the pressed button."""
    return {**fields_of(request, statement.names), BUTTON: request.POST.getlist(BUTTON)}


def digest_of(request: HttpRequest, statement: Statement) -> str:
    """Return a digest of the sent values, the files and the pressed button.

    The files count, although they are not kept: another file is another form.
    """
    files = [[name, [_digest_of_file(uploaded_file) for uploaded_file in ones]] for name, ones in request.FILES.lists()]
    given = json.dumps([sent_by(request, statement), files], sort_keys=True)
    return sha256(given.encode()).hexdigest()


def _digest_of_file(file: "UploadedFile[Any]") -> str:
    text = sha256(file.read()).hexdigest()
    file.seek(0)
    return text


def query_of(request: HttpRequest) -> str:
    """Return the query without draft, language and a next address elsewhere."""
    asked = request.GET.copy()
    leads_away = not url_has_allowed_host_and_scheme(asked.get(REDIRECT_FIELD_NAME, ""), allowed_hosts=None)
    for name in (DRAFT, LANGUAGE, *([REDIRECT_FIELD_NAME] if leads_away else [])):
        asked.pop(name, None)
    return asked.urlencode()


def plain_address(request: HttpRequest) -> str:
    """Return the address of this page without draft and language."""
    path, query = escape_leading_slashes(request.path), query_of(request)
    return f"{path}?{query}" if query else path


def begin(request: HttpRequest, statement: Statement) -> Draft:
    """Return a new draft at this address, which `keep` stores."""
    now = portal_context(request).ctx.now()
    return Draft(request.path, query_of(request), statement.owner, now.timestamp(), button=statement.button)


def keep_unsent(request: HttpRequest) -> Draft | None:
    """Store a form whose session has ended or whose page is old.

    Returns None for a form without statement, and for one that is too large.
    """
    statement = read_statement(request)
    if statement is None or not statement.names:
        return None
    draft = replace(begin(request, statement), sent=sent_by(request, statement), is_unsent=True)
    return draft if keep(request, draft) else None


def keep(request: HttpRequest, draft: Draft) -> bool:
    """Store a draft in place of old ones; return False if it is too large.

    Returns False, too, for strangers above the limit of their network address. Each could begin any number of sessions.
    """
    row = asdict(draft)
    if len(json.dumps(row)) > _LARGEST or not _may_keep(request):
        return False
    others = [row for row in _rows(request) if row["draft_id"] != draft.draft_id]
    request.session[_KEY] = [*others[-(_MOST - 1) :], row]
    return True


def _may_keep(request: HttpRequest) -> bool:
    if current_actor(request) is not None:
        return True
    return ratelimit.consume(request, app="allauth.account", action="drafts", limit_get=True) is not None


def finish(request: HttpRequest, draft: Draft, location: str, digest: str) -> None:
    """Record the act of a draft; forget unfinished drafts of the same page."""
    now = portal_context(request).ctx.now().timestamp()
    if keep(request, replace(draft, done=location, done_at=now, digest=digest)):
        forget_unfinished(request, draft)


def forget_unfinished(request: HttpRequest, draft: Draft) -> None:
    """Forget the unfinished drafts of a draft's page."""
    there = request.session.get(_KEY, ())
    stay = [one for one in there if one["done"] or (one["path"], one["query"]) != (draft.path, draft.query)]
    if len(stay) < len(there):
        request.session[_KEY] = stay


def find(request: HttpRequest, draft_id: str) -> Draft | None:
    """Return a reader's own draft of this page, or None."""
    return next((draft for draft in _own(request) if draft.draft_id == draft_id and draft.path == request.path), None)


def latest(request: HttpRequest) -> Draft | None:
    """Return the newest draft of the reader at this very address, or None.

    Strangers have none: the next person at the same browser is a stranger, too.
    """
    query = query_of(request)
    if not owner_of(request):
        return None
    return next(
        (draft for draft in reversed(_own(request)) if (draft.path, draft.query) == (request.path, query)), None
    )


def as_query(fields: Fields) -> QueryDict:
    """Return fields as the body of a form."""
    query_dict = QueryDict(mutable=True)
    for name, values in fields.items():
        if values:
            query_dict.setlist(name, list(values))
    return query_dict


def moment(at: float, now: datetime) -> datetime:
    """Return an instant of a draft."""
    return datetime.fromtimestamp(at, now.tzinfo)


def _own(request: HttpRequest) -> list[Draft]:
    owner = owner_of(request)
    return [Draft(**row) for row in _rows(request) if constant_time_compare(str(row["owner"]), owner)]


def _rows(request: HttpRequest) -> list[dict[str, Any]]:
    since = (portal_context(request).ctx.now() - KEPT_FOR).timestamp()
    return [one for one in request.session.get(_KEY, ()) if one["at"] >= since]
