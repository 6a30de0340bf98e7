"""The schema of ``pivot.yaml`` as pydantic checks it, and as editors get it (``pivot schema``)."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from pivot.config.executor import EXECUTOR_SCHEMA

# marks of the forms that a value may have; no key of a person's looks like them, so they can be told from keys
_TEXT, _LIST, _TABLE = "\0text", "\0list", "\0table"
FORMS = frozenset({_TEXT, _LIST, _TABLE})


def _form(value: Any) -> str | None:
    for kind, form in ((str, _TEXT), (list, _LIST), (dict, _TABLE)):
        if isinstance(value, kind):
            return form
    return None


def _one_of(wanted: str) -> Discriminator:
    return Discriminator(_form, custom_error_type="form", custom_error_message=wanted)


def _scalar(value: Any) -> Any:
    if isinstance(value, str | int | float):  # bool is an int
        return value
    raise PydanticCustomError("form", "a text, a number, true or false")


_Scalar = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
_Text = Annotated[str, Tag(_TEXT)]
_Texts = Annotated[list[str], Tag(_LIST)]
_Paths = Annotated[_Text | _Texts, _one_of("a path or a list of paths")]
_PATH = "Relative to the folder of this file (or to cwd), with /; ${name} is replaced."


_AMOUNT = {"type": ["number", "string"]}
_RESOURCES = WithJsonSchema(
    {
        "type": "object",
        "properties": {"cpus": _AMOUNT, "gpus": _AMOUNT, "memory": _AMOUNT},
        "additionalProperties": _AMOUNT,
    }
)
_RETRIES = WithJsonSchema(
    {
        "type": ["integer", "string", "object"],
        "properties": {
            "times": {"type": ["integer", "string"]},
            "delay": _AMOUNT,
            "on": {"type": ["string", "array"], "items": {"type": "string"}},
        },
        "required": ["times"],
        "additionalProperties": False,
    }
)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DepPath(_Table):
    """Another path for a dep."""

    model_config = ConfigDict(title="path of a dep")
    path: _Paths = Field(description=_PATH)


class OutPath(_Table):
    """Another path for an output, and whether its bytes are kept in the cache."""

    model_config = ConfigDict(title="path of an output")
    path: _Paths = Field(description=_PATH)
    cache: bool | None = Field(None, description="Keep its bytes in the cache.")


class PlotPath(OutPath):
    """Another path for a plot, and how it is drawn."""

    model_config = ConfigDict(title="path of a plot")
    x: str | None = Field(None, description="Column of the x axis, where the file is a table.")
    y: str | None = Field(None, description="Column of the y axis, where the file is a table.")
    template: str | None = Field(None, description="Name of the plot's template.")


_FORM = _one_of("a path, a list of paths, or a table with a path")
_Deps = dict[str, Annotated[_Text | _Texts | Annotated[DepPath, Tag(_TABLE)], _FORM]]
_Outs = dict[str, Annotated[_Text | _Texts | Annotated[OutPath, Tag(_TABLE)], _FORM]]
_Plots = dict[str, Annotated[_Text | _Texts | Annotated[PlotPath, Tag(_TABLE)], _FORM]]


class Given(_Table):
    """What is said over the declarations of a stage's function."""

    model_config = ConfigDict(title="overrides")
    deps: _Deps | None = Field(
        None, description="Parameter of the function → another path to read.", examples=[{"raw": "a.csv"}]
    )
    outs: _Outs | None = Field(
        None,
        description="Output → another path; for a function with a single output any one name will do.",
        examples=[{"model": "models/${model}.pkl"}, {"model": {"path": "m.pkl", "cache": False}}],
    )
    metrics: _Outs | None = Field(None, description="Metric → another path.", examples=[{"scores": "s.json"}])
    plots: _Plots | None = Field(
        None,
        description="Plot → another path, and how it is drawn.",
        examples=[{"loss": {"path": "loss.csv", "x": "step", "y": "loss"}}],
    )
    params: dict[str, Any] | None = Field(
        None, description="Values of the stage's params; params.yaml wins over them.", examples=[{"lr": 0.1}]
    )
    mutex: Annotated[_Text | _Texts, _one_of("a list")] | None = Field(
        None,
        description='No two stages with a name in common run at once; ["*"] runs alone.',
        examples=[["gpu"], ["*"]],
    )
    resources: Annotated[Any, _RESOURCES] = Field(
        None,
        description="What the stage takes of the machine while it runs: cpus, gpus, memory (8GB), labels.",
        examples=[{"cpus": 2, "memory": "8GB"}],
    )
    always: Annotated[Any, WithJsonSchema({"type": ["boolean", "string"]})] = Field(
        None, description="Run it in every run, whatever has changed.", examples=[True]
    )
    retries: Annotated[Any, _RETRIES] = Field(
        None,
        description="Further attempts after a failure: how many, or times, delay and the exceptions to try again on.",
        examples=[3, {"times": 3, "delay": "10s", "on": ["ConnectionError"]}],
    )
    timeout: Annotated[Any, WithJsonSchema({"type": ["string", "number"]})] = Field(
        None, description="End an attempt that takes longer: 90s, 10m, 1h30m.", examples=["10m"]
    )


_Dimension = Annotated[
    Annotated[list[_Scalar], Tag(_LIST)] | Annotated[dict[_Scalar, Given | None], Tag(_TABLE)],
    _one_of("a list of values, or a table of values and their overrides"),
]


class MapTable(_Table):
    """A stage that runs for each item of a list."""

    model_config = ConfigDict(title="map")
    over: str = Field(description="The stage that gives the list, or params.key.", examples=["cities"])
    on_error: Literal["fail", "drop"] | None = Field(
        None,
        description="What becomes of the stage if an item fails: fail (when all others are done), or drop it.",
    )
    max_parallel: int | None = Field(None, description="How many items run at once.", ge=1)


class StageTable(Given):
    """A stage: a function, and what is said over its declarations."""

    model_config = ConfigDict(title="stage")
    python: str = Field(
        description="The stage's function, as module.function.", examples=["stages.train", "pkg.steps.clean"]
    )
    cwd: str | None = Field(
        None, description="The folder that the stage's paths are relative to, and in which it runs."
    )
    matrix: dict[str, _Dimension] | None = Field(
        None,
        description="Makes a stage of each combination of values: dimension → values, or values → overrides.",
        examples=[{"model": ["small", "big"]}, {"model": {"small": None, "big": {"params": {"depth": 9}}}}],
    )
    depends_on: Annotated[_Text | _Texts, _one_of("a stage or a list of stages")] | None = Field(
        None,
        description="Stages whose returned values fill the parameters that nothing else provides, in this order; "
        "with no such parameter only the order counts.",
        examples=["cities", ["features", "labels"]],
    )
    map: (
        Annotated[
            _Text | Annotated[MapTable, Tag(_TABLE)], _one_of("a stage, params.key, or a table with over")
        ]
        | None
    ) = Field(
        None,
        description="Runs once for each item of what a stage returned (or of a list in the params); the item goes to "
        "the first parameter that nothing else provides.",
        examples=["cities", "params.cities", {"over": "cities", "on_error": "drop", "max_parallel": 4}],
    )
    type: Literal["simple", "parameterized"] | None = Field(
        None, description="parameterized: as map over the first stage of depends_on."
    )
    map_on: str | None = Field(None, description="As map: params.KEY.")


_Vars = Annotated[dict[str, _Scalar], Tag(_TABLE)]
_SeveralVars = Annotated[
    list[Annotated[_Text | _Vars, _one_of("a YAML file or a table of values")]], Tag(_LIST)
]
_Values = Annotated[dict[Any, Any], Tag(_TABLE)]
_Parts = Annotated[list[Annotated[_Text | _Values, _one_of("a YAML file or a table of values")]], Tag(_LIST)]


class PivotYaml(_Table):
    """The stages of a folder, for Pivot."""

    model_config = ConfigDict(title="pivot.yaml", json_schema_extra={"patternProperties": {"^x-": {}}})
    stages: dict[str, StageTable] | None = Field(
        description="Name → stage. With a matrix the name may be a template: train@{model}_{data}.",
        examples=[{"train": {"python": "stages.train"}}],
    )
    vars: (
        Annotated[_Text | _SeveralVars | _Vars, _one_of("a table of values, a YAML file, or a list of such")]
        | None
    ) = Field(
        None,
        description="Values for ${name}: a table, or YAML files; ${table.name} is a value in a table of such a file.",
        examples=[{"data": "data/2024"}, ["vars.yaml"]],
    )
    executor: Annotated[Any, WithJsonSchema(EXECUTOR_SCHEMA)] = Field(
        None,
        description="Where the stages run: in processes of Pivot's own, or on a cluster.",
        examples=["dask", {"kind": "dask", "address": "tcp://10.0.0.1:8786"}, {"kind": "ray", "workers": 4}],
    )
    params: dict[str, Any] | None = Field(
        None,
        description="Values of params for every stage that has one of that name; a stage's own win over them.",
        examples=[{"n_vals": 10}],
    )
    config: (
        Annotated[_Text | _Parts | _Values, _one_of("a table of values, a YAML file, or a list of such")]
        | None
    ) = Field(
        None,
        description="What stages read through pivot.run_context().config: a table, or YAML files; merged deeply, "
        "what comes later wins. Each key that a stage reads is a dependency of that stage.",
        examples=[{"n_cities": 5}, ["config.yaml", "config.local.yaml"]],
    )
    include: Annotated[_Text | _Texts, _one_of("a path or a list of paths")] | None = Field(
        None,
        description="Other folders with a pipeline file: their stages are taken in.",
        examples=[["../prepare"]],
    )


def json_schema() -> dict[str, Any]:
    """The JSON schema of ``pivot.yaml`` (draft 2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **PivotYaml.model_json_schema()}
