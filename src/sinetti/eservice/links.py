"""Links to pages by their names: nothing where a part of the pages is not served."""

from django.urls import NoReverseMatch, reverse


def link_to(name: str, *args: object) -> str:
    """The address of a page, or the empty text where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
