"""Middleware of all pages: headers, language, proof of a form's origin, refusals."""

import logging
from collections.abc import Callable
from functools import cache
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import is_valid_path
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.encoding import escape_uri_path
from django.utils.http import escape_leading_slashes
from django.utils.translation.trans_real import parse_accept_lang_header

from sinetti.domain.daily_limits import LimitReached
from sinetti.domain.values import Language
from sinetti.eservice.core.authentication import current_actor, is_clerk, sign_in
from sinetti.eservice.core.context import language_of, request_id
from sinetti.eservice.ui import error_pages
from sinetti.eservice.ui.daily_limits import over_limit
from sinetti.eservice.ui.draft_store import keep_unsent
from sinetti.eservice.ui.page import REPORT_GROUP, build_csp, report_address
from sinetti.eservice.ui.permission_denied import permission_denied_page, staff_only_page
from sinetti.i18n.translate import activated
from sinetti.services.access.permissions import PermissionDenied
from sinetti.services.staff.session import NotStaff

COOKIE = "language"
FOR_CLERKS = "sinetti_for_clerks"
"""View attribute: the page is for clerks only (staff/common.py)."""
_A_YEAR = 365 * 24 * 3600
_ALWAYS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Headers of every response, including that of an internal error.

The outermost middleware sets them.
"""
_HSTS = f"max-age={_A_YEAR}"
_ZERO = "\0"
_ELSEWHERE = frozenset({"cross-site", "same-site"})
_log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]


def security_headers(get_response: GetResponse) -> GetResponse:
    """Forbid caching, framing and use by other sites; cacheable responses opt in."""

    def answer(request: HttpRequest) -> HttpResponse:
        try:
            response = get_response(request)
        except Exception:  # noqa: BLE001 - last handler: the reader gets a reference, the log the traceback
            # The address is not logged, because addresses contain tokens.
            _log.exception("request %s failed", request_id(request))
            response = error_pages.failed(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Content-Security-Policy"] = build_csp(response)
        for name, value in _ALWAYS.items():
            response.headers[name] = value
        response.headers["Reporting-Endpoints"] = f'{REPORT_GROUP}="{report_address()}"'
        if request.is_secure():
            # Without preload: entries in browsers' lists stay for years, even if the host's owner changes.
            below = request.META["sinetti.eservice"].hsts_subdomains
            response.headers["Strict-Transport-Security"] = f"{_HSTS}; includeSubDomains" if below else _HSTS
        return response

    return answer


def redirect_slashes(get_response: GetResponse) -> GetResponse:
    """Redirect an address that ends with a slash to the same without it.

    With 308, browsers send a form again as it is. Addresses without a page are redirected, too, because strangers must
    not learn which pages for clerks exist.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path_info.rstrip("/") or not request.path.endswith("/") or is_valid_path(request.path_info):
            return get_response(request)
        query = request.META["QUERY_STRING"]
        place = escape_leading_slashes(escape_uri_path(request.path.rstrip("/")))
        return HttpResponseRedirect(f"{place}?{query}" if query else place, status=HTTPStatus.PERMANENT_REDIRECT)

    return answer


def activate_language(get_response: GetResponse) -> GetResponse:
    """Activate the reader's language for the whole request, error pages included.

    The language is looked up at its first use, so a static file costs no database query. A streamed body is produced
    after this block and activates the language itself.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        with activated(lambda: language_of(request)):
            return get_response(request)

    return answer


def locale_middleware(get_response: GetResponse) -> GetResponse:
    """Find the reader's language: `lang` parameter, cookie, account, browser, English.

    A request with too many parameters gets its error page here, in that language.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        readable = _has_readable_query(request)
        chosen = _known(request.GET.get("lang", ""))

        def without() -> Language:
            kept = chosen or _known(request.COOKIES.get(COOKIE, ""))
            return kept or _of_browser(request.headers.get("Accept-Language", ""))

        @cache
        def found() -> Language:
            # Evaluated when a page is made: a static file is the same for every user.
            return chosen or _known(request.COOKIES.get(COOKIE, "")) or _of_account(request) or without()

        request.language_without_account = without  # type: ignore[attr-defined] # like Django's own middleware
        request.reader_language = found  # type: ignore[attr-defined] # likewise
        # Before URL resolution: the response must not reveal to strangers which pages for clerks exist.
        response = get_response(request) if readable else error_pages.bad_request(request)
        if chosen is not None:
            remember_language(response, chosen)
        if not response.has_header("Cache-Control"):  # cacheable responses are the same in every language
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return answer


def remember_language(response: HttpResponse, language: Language) -> None:
    """Store a chosen language in a cookie."""
    # Lax, not Strict: browsers must send it, too, when the reader follows a link in a mail.
    response.set_cookie(
        COOKIE, language, max_age=_A_YEAR, secure=settings.CSRF_COOKIE_SECURE, httponly=True, samesite="Lax"
    )


class StaffOnlyMiddleware(MiddlewareMixin):
    """Leads strangers from clerks' pages to sign-in, and hides these from others.

    It acts before the address is resolved and the submitted data is checked. Otherwise the response to an unknown
    address, a foreign form or a zero octet would reveal which of these pages exist. A clerk whose session has ended
    returns to the page after sign-in, with the form that was sent.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Return a redirect to the sign-in page for every address of clerks, known or not."""
        if not f"{request.path}/".startswith("/staff/") or current_actor(request) is not None:
            return None
        sent = request.method == "POST" and request.headers.get("Sec-Fetch-Site") == "same-origin"
        kept = keep_unsent(request) if sent else None
        return sign_in(request.get_full_path() if kept is None else kept.address)

    def process_view(self, request: HttpRequest, view: object, *_how: object) -> HttpResponse | None:
        """Return "not found" instead of the page, if needed."""
        hidden = getattr(view, FOR_CLERKS, False) and not is_clerk(request)
        return error_pages.not_found(request) if hidden else None


class RefusalPages(MiddlewareMixin):
    """Shows the page for a missing permission or an exceeded daily limit."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the page; None leaves the error to the next handler."""
        match error:
            case LimitReached():
                return over_limit(request, error)
            case NotStaff():
                return staff_only_page(request, error)
            case PermissionDenied():
                return permission_denied_page(request, error)
            case _:
                return None


class CsrfMiddleware(CsrfViewMiddleware):
    """CSRF check for pages that send no Referer (Referrer-Policy: no-referrer).

    Browsers write `Origin: null` into the forms of such pages, and no Referer (Fetch, 3.2). The proof of a form is the
    cookie's secret. No other site can read it, send it (SameSite=Strict) or set it (__Host-).
    """

    def _origin_verified(self, request: HttpRequest) -> bool:
        if request.META["HTTP_ORIGIN"] == "null":
            return request.headers.get("Sec-Fetch-Site", "") not in _ELSEWHERE
        return bool(super()._origin_verified(request))  # type: ignore[misc] # missing in its type stubs

    def _check_referer(self, request: HttpRequest) -> None:
        if "HTTP_REFERER" in request.META:
            super()._check_referer(request)  # type: ignore[misc] # as above


class RejectNulMiddleware(MiddlewareMixin):
    """Rejects a zero octet, which no user types and no database stores in text.

    It acts after the CSRF check, so that no other data of a foreign form is read. Files may contain any octets.
    """

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Return an error page instead of the page, if needed."""
        if _ZERO in request.path:
            return error_pages.not_found(request)
        sent = [request.GET, request.POST] if request.method == "POST" else [request.GET]
        texts = (text for one in sent for name, values in one.lists() for text in (name, *values))
        return error_pages.bad_request(request) if any(_ZERO in text for text in texts) else None


def _has_readable_query(request: HttpRequest) -> bool:
    """Return whether the query has few enough parameters; empty it if not.

    The limit is DATA_UPLOAD_MAX_NUMBER_FIELDS. Every page reads it, that of an error too.
    """
    try:
        _ = request.GET
    except SuspiciousOperation:
        request.GET = QueryDict()  # replaces the value that Django computes once
        return False
    return True


def _of_account(request: HttpRequest) -> Language | None:
    user = getattr(request, "user", None)
    return _known(user.language) if user is not None and user.is_authenticated else None


def _of_browser(header: str) -> Language:
    wanted = (tag.partition("-")[0] for tag, _ in parse_accept_lang_header(header))
    return next((known for text in wanted if (known := _known(text)) is not None), Language.EN)


def _known(tag: str) -> Language | None:
    return Language(tag) if tag in set(Language) else None
