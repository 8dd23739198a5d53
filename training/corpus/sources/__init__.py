"""Where theorems come from: public data sets, libraries, and the files of projects."""
