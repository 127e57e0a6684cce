"""Use cases of the transparency log (docs/evidence.md)."""
