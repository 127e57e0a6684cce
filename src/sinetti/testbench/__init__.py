"""The authority on a clock that its user sets.

It is for integrators who rehearse, and for this project's own tests.
"""
