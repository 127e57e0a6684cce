"""JSON bodies of /api/v1."""
