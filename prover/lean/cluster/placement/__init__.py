"""Pure decisions: which host gets which job, and how many hosts to request."""
