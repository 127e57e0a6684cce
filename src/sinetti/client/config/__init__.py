"""Reader of sinetti.toml."""
