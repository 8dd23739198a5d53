"""Search of the imported library: declarations by name, by a pattern of their types, or by relevance to a goal."""
