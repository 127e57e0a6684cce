"""Pages that keep what was typed over sign-in, Back, reload and another language.

`@keeps_typed` answers a sent form with a redirect to a draft (POST, redirect, GET). The page of a draft is made anew
from the stored fields, in a block in which the database takes no writes. See docs/e-service/pages.md, "Drafts".
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from http import HTTPStatus
from secrets import token_hex
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.refusals import WriteRefused
from sinetti.domain.values import Language
from sinetti.eservice.core.authentication import Detour
from sinetti.eservice.core.context import language_of, portal_context
from sinetti.eservice.ui import draft_store as store
from sinetti.eservice.ui.components import Alert, Component, Form, Input, Link, Severity, Table
from sinetti.eservice.ui.daily_limits import over_limit
from sinetti.eservice.ui.draft_store import BLANK, BUTTON, DRAFT, KEEPS, LANGUAGE, STATEMENT, Draft, Fields, Statement
from sinetti.eservice.ui.page import FINISHED, Page
from sinetti.i18n.translate import _, format_datetime, gettext_noop
from sinetti.services.access.permissions import PermissionDenied
from sinetti.services.staff.session import NotStaff

_LAPSED = gettext_noop("We keep what you type for one hour. This page no longer has it. Fill in the form again.")
_UNSENT = gettext_noop("We kept what you typed, but nothing has been sent yet. Check it. Then press the button again.")
_NOT_DONE = gettext_noop(
    "The last attempt did not succeed, and nothing was changed. Check what you typed, then try again."
)
_DONE = gettext_noop("You sent this form on {at}. Sending the same again changes nothing.")
_KEPT = gettext_noop("We kept what you typed on {at}. Nothing has been sent yet.")
_NOT_SHOWN_AGAIN = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
_TYPED = "typed-form"

_SHOWN = "sinetti_draft"
_FORM_OCTETS = 16

Asked = ParamSpec("Asked")
View = Callable[Concatenate[HttpRequest, Asked], HttpResponseBase]


def keeps_typed(
    *, acts: Collection[str] = (), replays: bool = True, recalls: bool = True
) -> Callable[[View[Asked]], View[Asked]]:
    """Keep what is typed into the forms of a view.

    `acts` are the values of its buttons that act: a page that is shown again never presses them. Without `replays` the
    page of a draft is the plain page with the stored values, for views whose POST has effects outside the database.
    Without `recalls` only the address of a draft shows it, for lists whose ticked rows are sent to another page.
    """

    def around(view: View[Asked]) -> View[Asked]:
        @wraps(view)
        def answer(request: HttpRequest, /, *args: Asked.args, **named: Asked.kwargs) -> HttpResponseBase:
            visit = _Visit(request, lambda: view(request, *args, **named), acts, replays, recalls)
            setattr(request, FINISHED, visit.finished)
            try:
                return visit.sent() if request.method == "POST" else visit.shown_again()
            finally:
                delattr(request, FINISHED)  # pages of refusals have no fields to keep

        setattr(answer, KEEPS, frozenset(acts))
        return answer

    return around


def form_id(request: HttpRequest) -> str:
    """Return the id of an act's form: that of its draft, so that a page acts once."""
    return str(getattr(request, _SHOWN, "")) or token_hex(_FORM_OCTETS)


@dataclass
class _Visit:
    """One request of a view that keeps what is typed."""

    request: HttpRequest
    view: Callable[[], HttpResponseBase]
    acts: Collection[str]
    replays: bool
    recalls: bool
    draft: Draft | None = None
    values: Fields | None = None
    line: Alert | None = None
    page: Page | None = None

    def sent(self) -> HttpResponseBase:
        """Answer a sent form."""
        statement = store.read_statement(self.request)
        if LANGUAGE in self.request.POST:
            return self._in_language(statement)
        if statement is None:
            return self.view()
        before = store.find(self.request, statement.draft_id)
        digest = store.digest_of(self.request, statement)
        if before is not None and before.done and before.digest == digest:
            messages.info(self.request, _("This was already done. Nothing was done again."))
            return HttpResponseRedirect(before.done, status=HTTPStatus.SEE_OTHER)
        try:
            response = self.view()
        except LimitReached as reached:
            response = over_limit(self.request, reached)
        except (PermissionDenied, NotStaff) as lacking:
            kept = store.keep_unsent(self.request) if lacking.second_factor else None
            if kept is None:
                raise
            return HttpResponseRedirect(kept.address, status=HTTPStatus.SEE_OTHER)
        return self._after(statement, before, digest, response)

    def shown_again(self) -> HttpResponseBase:
        """Answer a visit of the page: the page of a draft, or the plain page."""
        asked = self.request.GET.get(DRAFT, "")
        if asked == BLANK or not (asked or self.recalls):
            return self.view()
        draft = store.find(self.request, asked) if asked else store.latest(self.request)
        if draft is None:
            self.line = Alert(_(_LAPSED), Severity.WARNING) if asked else None
            return self.view()
        if not asked and draft.done:
            self.line = self._done_notice(draft, Link(_("Show what you sent"), draft.address))
            return self.view()
        if not asked:
            self.values, self.line = draft.values, _kept_notice(draft, self.request)
            return self.view()
        self.draft = draft
        setattr(self.request, _SHOWN, draft.draft_id)
        self.line = self._done_notice(draft, Link(_("Show the result"), draft.done)) if draft.done else None
        if draft.is_unsent:
            self.line = Alert(_(_UNSENT), Severity.WARNING)
        return self._replayed(draft)

    def finished(self, page: Page) -> Page:
        """Return the page with the values of the draft and the statements of its forms."""
        if self.values is not None:
            page = replace(page, blocks=_mapped(page.blocks, self._filled))
        self.page = page
        if self.draft is not None and self.draft.notes:
            page = self._noted(page, self.draft)
        if self.line is not None:
            page = replace(page, blocks=[self.line, *page.blocks])
        first = _first_long(page)
        blocks = _mapped(page.blocks, lambda one: self._stated(one, page, is_first=one is first))
        if isinstance(first, Table):
            return replace(page, blocks=blocks, typed=Form((), first.actions, name=_TYPED))
        name = None if first is None else first.name or _TYPED
        typed = next((form for form in _flat(blocks) if isinstance(form, Form) and form.name == name), None)
        return replace(page, blocks=blocks, typed=typed)

    def _after(
        self, statement: Statement, before: Draft | None, digest: str, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Redirect to the draft of the answer; an answer that is no page stays."""
        if isinstance(response, Detour):
            kept = store.keep_unsent(self.request)
            return response if kept is None else Detour(response.first, kept.address)
        draft = store.begin(self.request, statement)
        if HTTPStatus.MULTIPLE_CHOICES <= response.status_code < HTTPStatus.BAD_REQUEST:
            location = response.headers["Location"]
            if not self.replays:
                store.forget_unfinished(self.request, draft)
                return response
            if statement.visible:
                typed = store.fields_of(self.request, statement.names)
                # Back leads to a preview as it was made; other forms are on the plain page.
                sent = before.sent if before is not None and self._previews(before) else None
                done = replace(before or draft, typed=typed, sent=sent, notes=())
                store.finish(self.request, done, location, digest)
            elif before is not None:
                store.finish(self.request, before, location, digest)
            return response
        if self.page is None or self.page.final or response.status_code in _NOT_SHOWN_AGAIN:
            return response
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS and not _errors(self.page):
            return response  # a page without a form says to wait
        pressed = self.request.POST.get(BUTTON, "")
        draft = replace(
            draft,
            button=statement.button if pressed in self.acts else pressed,
            sent={**store.sent_by(self.request, statement), **_removed(self.page)},
            notes=_errors(self.page),
            language=language_of(self.request).value,
            status=response.status_code,
        )
        if before is not None and not before.done:
            store.keep(self.request, replace(before, typed=draft.sent))  # for Back from the page of the new draft
        if not store.keep(self.request, draft):
            return response
        return HttpResponseRedirect(draft.address, status=HTTPStatus.SEE_OTHER)

    def _previews(self, draft: Draft) -> bool:
        """Return True if a button that does not act led to the page, without an error."""
        pressed = next(iter((draft.sent or {}).get(BUTTON, ())), "")
        return bool(pressed) and pressed not in self.acts and not draft.notes

    def _in_language(self, statement: Statement | None) -> HttpResponse:
        """Store what is typed, and show the same page in another language."""
        language = self.request.POST[LANGUAGE]
        asked = {LANGUAGE: language} if language in set(Language) else {}
        before = store.find(self.request, self.request.GET.get(DRAFT, ""))
        address = before.address if before is not None else store.plain_address(self.request)
        if statement is not None:
            draft = store.begin(self.request, statement)
            typed = store.fields_of(self.request, statement.names)
            kept = replace(before or draft, draft_id=draft.draft_id, at=draft.at, typed=typed)
            address = kept.address if store.keep(self.request, kept) else address
        joined = f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}" if asked else address
        return HttpResponseRedirect(joined, status=HTTPStatus.SEE_OTHER)

    def _replayed(self, draft: Draft) -> HttpResponseBase:
        """Show the page of a draft.

        The view is called with the stored fields. If it begins to write, or a button that acts is still to be pressed,
        it is called with the button that led to the form. The last resort is the plain page with the stored values.
        """
        pressed = next(iter((draft.sent or {}).get(BUTTON, ())), "")
        buttons = [pressed] if not (draft.is_unsent and pressed in self.acts) else []
        buttons += [draft.button] if draft.button else []
        for button in buttons if draft.sent is not None and self.replays else ():
            self.page, self.values = None, draft.typed if button == pressed else draft.values
            if (response := self._read_only(draft, button)) is not None:
                return response
        self.values = draft.values
        return self._with_status(self.view(), draft)

    def _read_only(self, draft: Draft, button: str) -> HttpResponseBase | None:
        """Return the page for the stored fields and a button.

        Returns None if the view begins to write or leads away.
        """
        fields = {**(draft.sent or {}), BUTTON: [button] if button else []}
        try:
            with portal_context(self.request).ctx.db.reading_only(), _as_sent(self.request, fields):
                response = self.view()
        except (WriteRefused, LimitReached):
            return None
        leads_away = self.page is None and not isinstance(response, Detour)
        return None if leads_away else self._with_status(response, draft)

    def _with_status(self, response: HttpResponseBase, draft: Draft) -> HttpResponseBase:
        """Return a page with the errors of an answer with the status of that answer."""
        if draft.notes and self.page is not None and response.status_code not in _NOT_SHOWN_AGAIN:
            response.status_code = draft.status
        return response

    def _stated(self, table: Component, page: Page, *, is_first: bool) -> Component:
        """Return a form with its statement; the form of the languages gets a name."""
        if isinstance(table, Table) and table.actions:
            shown = Statement(store.owner_of(self.request), "", [table.pick], 1)
            hidden = [*table.hidden, Input(STATEMENT, "", "hidden", shown.signed())]
            return replace(table, hidden=hidden, form=_TYPED if is_first else table.form)
        if not isinstance(table, Form) or table.search:
            return table
        statement = self._statement(table, page)
        named = replace(table, name=table.name or _TYPED) if is_first else table
        return replace(named, keeps=statement.signed()) if statement.names or statement.visible else named

    def _statement(self, form: Form, page: Page) -> Statement:
        kept = [one.name for one in form.inputs if not store.is_secret(one.name, one.kind)]
        texts = [one.name for one in form.inputs if one.kind != "hidden"]
        tables = [table for table in _flat(page.blocks) if isinstance(table, Table) and table.pick]
        picks = [table.pick for table in tables if table.form == form.name]
        names = list(dict.fromkeys([*kept, *picks]))
        shown = ("", "") if self.draft is None else (self.draft.draft_id, self.draft.button)
        return Statement(store.owner_of(self.request), shown[0], names, len(texts) + len(picks), shown[1])

    def _filled(self, table: Component) -> Component:
        """Return a form or a table with the stored values."""
        values = self.values or {}
        if isinstance(table, Table) and table.pick in values:
            return replace(table, picked=frozenset(values[table.pick]))
        if not isinstance(table, Form) or table.search:
            return table
        return replace(table, inputs=[_with_value(each, values) for each in table.inputs])

    def _noted(self, page: Page, draft: Draft) -> Page:
        """Return the page with the errors of the answer.

        Another language has the errors that the page itself finds, or a sentence for an act that was not repeated.
        """
        pairs = _errors(page)
        if draft.language != language_of(self.request).value:
            return page if pairs else replace(page, blocks=[Alert(_(_NOT_DONE), Severity.ERROR), *page.blocks])
        notes = [(str(name), str(text)) for name, text in draft.notes]
        fields = {one.name for form in _flat(page.blocks) if isinstance(form, Form) for one in form.inputs}

        def noted(one: Component) -> Component:
            if not isinstance(one, Form) or one.search:
                return one
            errors = [(name, text) for each in one.inputs for name, text in notes if name == each.name]
            first = dict(reversed(errors))
            inputs = [replace(each, error=first.get(each.name, "")) for each in one.inputs]
            return replace(one, inputs=inputs, errors=errors)

        more = [text for name, text in notes if name not in fields and ("", text) not in pairs]
        error = page.error or next(iter(more), "")
        above = [Alert(text, Severity.ERROR) for text in more if text != error]
        return replace(page, error=error, blocks=[*above, *_mapped(page.blocks, noted)])

    def _done_notice(self, draft: Draft, way: Link) -> Alert:
        at = format_datetime(store.moment(draft.done_at, portal_context(self.request).ctx.now()))
        return Alert(_(_DONE, at=at), Severity.PLAIN, [way])


def _kept_notice(draft: Draft, request: HttpRequest) -> Alert:
    at = format_datetime(store.moment(draft.at, portal_context(request).ctx.now()))
    empty = f"{draft.path}?{draft.query}{'&' if draft.query else ''}{DRAFT}={BLANK}"
    return Alert(_(_KEPT, at=at), Severity.PLAIN, [Link(_("Start with an empty form"), empty)])


@contextmanager
def _as_sent(request: HttpRequest, fields: Fields) -> Iterator[None]:
    """Make a visit look like a sent form for the view."""
    method, files = request.method, request.FILES  # reads the empty body of the visit before POST is replaced
    body = request.POST
    request.method, request.POST = "POST", store.as_query(fields)  # type: ignore[assignment] # Django's setter
    try:
        yield
    finally:
        request.method, request.POST = method, body
        del files


def _first_long(page: Page) -> Form | Table | None:
    """Return the first long form, else the first table whose buttons act on its rows."""
    every = list(_flat(page.blocks))
    ticked = {table.form for table in every if isinstance(table, Table) and table.pick}
    forms = (form for form in every if isinstance(form, Form) and _is_long(form, ticked))
    tables = (table for table in every if isinstance(table, Table) and table.pick and table.actions and table.rows)
    return next(forms, None) or next(tables, None)


def _is_long(form: Form, ticked: Collection[str]) -> bool:
    """Return True for a form with more than one field to keep, or with rows to tick."""
    if form.search:
        return False
    inputs = [each for each in form.inputs if each.kind != "hidden"]
    kept = [each for each in inputs if not store.is_secret(each.name, each.kind)]
    return bool(form.name and form.name in ticked) or (len(inputs) > 1 and bool(kept))


def _with_value(one: Input, values: Fields) -> Input:
    """Return a field with its stored value."""
    if one.name not in values or one.kind == "hidden" or store.is_secret(one.name, one.kind):
        return one
    given = values[one.name]
    if one.kind == "check":
        return replace(one, checked=bool(given))
    if one.options:
        return replace(one, options=[replace(each, chosen=each.value in given) for each in one.options])
    return replace(one, value=given[0]) if given else one


def _mapped(blocks: Sequence[Component], change: Callable[[Component], Component]) -> list[Component]:
    """Return blocks with every component changed, also those inside sections."""
    found = list[Component]()
    for block in blocks:
        inner = getattr(block, "blocks", None)
        whole = block if inner is None else replace(block, blocks=_mapped(inner, change))  # type: ignore[arg-type] # it has
        found.append(change(whole))
    return found


def _flat(blocks: Sequence[Component]) -> Iterator[Component]:
    for block in blocks:
        yield block
        yield from _flat(getattr(block, "blocks", ()))


def _removed(page: Page) -> Fields:
    """Return fields that a view empties, such as one with a private key."""
    forms = (form for form in _flat(page.blocks) if isinstance(form, Form) and not form.search)
    inputs = (each for form in forms for each in form.inputs)
    return {one.name: [""] for one in inputs if one.kind in {"text", "textarea"} and not one.value}


def _errors(page: Page) -> list[tuple[str, str]]:
    """Return the errors of a page, each with the name of its field."""
    pairs = [("", page.error)] if page.error else []
    for alert in _flat(page.blocks):
        if isinstance(alert, Alert) and alert.tone is Severity.ERROR:
            pairs.append(("", alert.text))
        elif isinstance(alert, Form):
            pairs += [(name, text) for name, text in alert.errors]
    return pairs
