"""The worker pool: a queue of jobs, the workers that serve it, and the projects whose pools they are."""
