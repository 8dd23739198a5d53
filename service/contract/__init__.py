"""Proto messages on one side, the dataclasses of engine and service on the other. No message goes further down than here."""
