"""Three doors, one Stage: annotated functions named in YAML, `Pipeline.register`, and ``@pivot.stage``."""
