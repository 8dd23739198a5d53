"""The core of the service, independent of the carrier: engine, registry, admission, quotas, and the proof cache."""
