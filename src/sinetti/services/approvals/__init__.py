"""Officers, and acts that take two people (docs/operators/officers.md)."""
