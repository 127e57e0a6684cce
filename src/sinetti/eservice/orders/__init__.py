"""What is done about certificates: ordered, replaced, fetched, looked after by others, let end, revoked."""
