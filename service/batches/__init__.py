"""`leansieve batch`: what is asked of a server's batch jobs, followed, kept in a folder and reported."""
