"""The gRPC carrier: converts messages, answers calls, reports errors."""
