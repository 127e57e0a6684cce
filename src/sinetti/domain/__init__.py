"""Business rules and value types, on the standard library alone."""
