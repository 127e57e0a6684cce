"""Machine endpoints: decode the request, call a service, encode the response."""
