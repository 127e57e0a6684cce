"""Messages as bytes and as types."""
