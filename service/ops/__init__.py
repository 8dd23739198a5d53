"""Operations: configuration, logs, metrics, traces, health, draining, diagnosis."""
