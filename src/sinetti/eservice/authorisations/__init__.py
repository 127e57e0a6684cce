"""*Settings > Authorisations*: mandates, invitations and requests for a right."""
