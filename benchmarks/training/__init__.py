"""What training and sampling cost."""
