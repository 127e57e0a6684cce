"""Requests to the service, the SOAP client and the transport.

The requests are enrol, retrieve, renew, revoke and adopt.
"""
