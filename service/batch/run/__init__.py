"""`leansieve batch`: submits batches to a server, follows them, stores their answers in a folder and reports."""
