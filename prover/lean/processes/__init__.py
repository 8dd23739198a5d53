"""A worker process: start, communication, measurement and end."""
