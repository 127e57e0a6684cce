"""Separate signer: what it signs, read by strict readers of its own.

docs/operators/signer.md lists the rules.
"""
