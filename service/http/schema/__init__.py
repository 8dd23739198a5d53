"""The HTTP API as OpenAPI, and a page that displays it."""
