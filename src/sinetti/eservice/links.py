"""Links to other parts of the e-service, which may not be there."""

from django.urls import NoReverseMatch, reverse


def link_to(name: str, *args: object) -> str:
    """The address of a page by its name in urls.py; empty where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
