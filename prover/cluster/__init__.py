"""What everybody shares who uses hosts of a Ray cluster: Lean's workers and the models' replicas."""
