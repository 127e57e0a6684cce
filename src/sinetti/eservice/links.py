"""Addresses of pages by their names in urls.py, also where a page is left out of what is served."""

from django.urls import NoReverseMatch, reverse


def link_to(name: str, *args: object) -> str:
    """Return the address of a page, or "" where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
