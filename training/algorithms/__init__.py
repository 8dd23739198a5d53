"""Training algorithms, one file each, in families, behind one seam: `algorithm.Algorithm`."""
