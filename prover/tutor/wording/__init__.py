"""The wording of hints: templates, rewording, and vetoes."""
