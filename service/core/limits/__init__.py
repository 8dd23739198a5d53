"""What is let in: rooms for requests, quotas of clients, texts from outside."""
