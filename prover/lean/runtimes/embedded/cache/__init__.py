"""The embedded Lean's files on disk: the package, files derived from it, and images of warm workers."""
