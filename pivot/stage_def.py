"""The base of a stage's parameters."""

from pydantic import BaseModel, ConfigDict


class StageParams(BaseModel):
    """Parameters of a stage: subclass it, give fields types and defaults, and take it as an argument.

    Any pydantic model will do as well; this one refuses fields that it does not know and allows names that
    begin with ``model_``. Values come from ``params.yaml`` over ``pivot.yaml`` over the defaults.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())
