"""Files and the environment → checked values: ``pivot.yaml``, ``params.yaml``, settings."""

PARAMS_FILE = "params.yaml"
"""Beside the pipeline file: values of params that win over those of the pipeline file."""
