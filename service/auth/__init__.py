"""Authentication and authorisation: TLS, tokens, roles."""
