"""JSON Lines in and out: items of a file, answered one line each, resumed where a run broke off."""
