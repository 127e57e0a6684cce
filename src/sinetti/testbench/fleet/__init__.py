"""A fleet of organisations, whose certificates an agent takes care of for years within a minute (docs/fleet.md)."""
