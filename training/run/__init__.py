"""What every training run has: its folder, its processes, interruption, guards, and the record of what made its model."""
