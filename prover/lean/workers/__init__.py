"""The worker pool: a queue of jobs, the workers that serve it, and a router to the pools of projects."""
