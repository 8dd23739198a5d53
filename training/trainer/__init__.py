"""The training loop: sampling, updates, checkpoints, metrics, on one process or several."""
