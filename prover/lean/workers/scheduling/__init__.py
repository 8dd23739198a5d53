"""Assignment of requests to workers: decisions (`dispatch`, `imports`), the queue (`scheduler`), the processes
(`supervisor`, `slot`).
"""
