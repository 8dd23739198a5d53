"""Models on remote `vllm serve` processes, with failover between them."""
