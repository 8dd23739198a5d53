"""A toolchain certifies itself: a fixed battery that a worker must pass before its verdicts are believed."""
