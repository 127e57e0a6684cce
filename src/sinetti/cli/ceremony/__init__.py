"""Commands of `sinetti ceremony`, for a machine without network and database."""
