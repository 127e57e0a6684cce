"""Signed lists of anchors and of distrusted CAs (docs/operators/succession.md)."""
