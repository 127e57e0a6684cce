"""Requests to the service: enrol, retrieve, renew, revoke, adopt; SOAP client and transport."""
