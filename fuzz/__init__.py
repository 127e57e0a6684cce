"""Fuzzing: octets that nobody would write, against what must hold of whatever is read (docs/fuzzing.md)."""
