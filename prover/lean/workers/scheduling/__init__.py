"""Assignment of requests to workers: the queue and its decisions (`scheduler`), the processes (`supervisor`, `slot`), second attempts
(`retrying`)."""
