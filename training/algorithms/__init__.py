"""Training algorithms, one file each, behind one seam: `algorithm.Algorithm`."""
