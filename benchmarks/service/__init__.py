"""What the server, its clients and its batches cost and withstand."""
