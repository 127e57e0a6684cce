"""Fuzzing: unusual octets, and the properties that must hold for every input.

It is described in docs/contributors/fuzzing.md.
"""
