"""Sample certificates and the pytest plugin."""
