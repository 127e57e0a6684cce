"""Pages for everyone: the start, one's own settings, accessibility, privacy."""
