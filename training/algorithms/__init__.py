"""Training algorithms, one file each, in families, behind one interface: `algorithm.Algorithm`."""
