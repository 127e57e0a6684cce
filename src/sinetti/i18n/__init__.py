"""Translation: gettext catalogues, format functions, and labels shared by pages and messages."""
