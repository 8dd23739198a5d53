"""Proto messages of each call, and the dataclasses that they stand for."""
