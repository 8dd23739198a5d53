"""Common parts of training runs: folder, processes, interruption, guards, and the provenance of the model."""
