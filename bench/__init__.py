"""Benchmarks of certificate renewals: `make bench`, or `python -m bench --help`."""
