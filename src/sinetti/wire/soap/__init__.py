"""SOAP messages of the certificate service: envelope, requests, responses, schema types, WSDL."""
