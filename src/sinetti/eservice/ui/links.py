"""Ways to pages by their names: links, and leading on after something was done."""

from http import HTTPStatus
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse


def url_or_empty(name: str, *args: object) -> str:
    """The address of a page, or the empty text where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def redirect_to(name: str, *args: object, **query: object) -> HttpResponse:
    """Lead to another page after something was done."""
    asked = f"?{urlencode(query)}" if query else ""
    return HttpResponseRedirect(f"{reverse(name, args=args)}{asked}", status=HTTPStatus.SEE_OTHER)
