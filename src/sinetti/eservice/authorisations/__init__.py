"""*Settings > Authorisations*: who may act for an organisation, invitations, and requests for a right."""
