"""Who may call, and over which wire: TLS, tokens, roles."""
