"""Links to pages by their names, from one part of the e-service to another."""

from django.urls import NoReverseMatch, reverse


def link_to(name: str, *args: str) -> str:
    """The address of a page by its name in urls.py; empty where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
