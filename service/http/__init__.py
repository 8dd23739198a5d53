"""The HTTP/JSON bridge: the calls of `leansieve.v1` for editors, scripts and web pages that speak no gRPC."""
