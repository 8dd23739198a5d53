"""One worker process: started, spoken to, measured and ended."""
