"""Django settings and the authority's own settings, parsed once into typed values."""
