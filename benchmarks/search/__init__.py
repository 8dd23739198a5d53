"""Results of searches and contributions of their parts."""
