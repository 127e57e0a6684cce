"""Acts that take two people, officers, and proposals (docs/operators/officers.md)."""
