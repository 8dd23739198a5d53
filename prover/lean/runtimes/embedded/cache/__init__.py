"""What the embedded Lean keeps on disk: the package, what is made of it, images of warm workers."""
