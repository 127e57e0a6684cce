"""What only an issuer does. Pure: private keys stay with a signer, and only `building` has any in hand."""
