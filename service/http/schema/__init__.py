"""The HTTP contract as OpenAPI, and the page that shows it."""
