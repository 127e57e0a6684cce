"""Translation: gettext catalogues, formats, and labels for pages and messages."""
