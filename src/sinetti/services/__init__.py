"""Use cases of the authority, one file per thing the service does."""
