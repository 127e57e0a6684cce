"""Modules with which scripts/vectors.py makes the vectors."""
