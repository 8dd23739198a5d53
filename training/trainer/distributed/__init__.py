"""One training run over several processes: how they find each other, and a model shared out over them."""
