"""How fast certificates are renewed: `make bench`, or `python -m bench --help`."""
