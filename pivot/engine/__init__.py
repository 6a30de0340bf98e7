"""Effects in order: look at what stages rest on, decide, run, commit, tell."""
