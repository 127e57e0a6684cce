"""SOAP messages of the certificate service.

Envelope, requests, responses, schema types and WSDL.
"""
