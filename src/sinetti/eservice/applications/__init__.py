"""Applications for the technical interface, as organisations make them."""
