"""How requests reach workers: decisions (`dispatch`, `imports`), the queue (`scheduler`), the processes (`supervisor`, `slot`)."""
