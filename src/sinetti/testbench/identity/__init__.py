"""A double of an outside source of identities and roles: an OpenID Connect provider of the bench's own."""
