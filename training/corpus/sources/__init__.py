"""Sources of theorems: public data sets, libraries, and projects."""
