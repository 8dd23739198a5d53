"""`leansieve batch`: what is asked of a server's batches, followed, kept in a folder and reported."""
