"""Links to pages by their names in urls.py."""

from django.urls import NoReverseMatch, reverse


def link_to(name: str, *args: object) -> str:
    """The address of a page, or nothing where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
