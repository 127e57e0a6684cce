"""Rows for previews of messages."""
