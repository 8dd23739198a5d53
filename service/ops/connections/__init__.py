"""Connections to this server's ports: how many there may be, of whom, and for how long they may say nothing."""
