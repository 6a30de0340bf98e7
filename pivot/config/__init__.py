"""Files and the environment → checked values: ``pivot.yaml``, ``params.yaml``, settings."""
