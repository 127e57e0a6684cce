"""Sample messages of `notices preview` and docs/messages."""
