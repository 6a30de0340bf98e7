"""A text for any value that a notebook's functions give, the same in every process: no addresses, no order of sets."""

import dataclasses
import enum
import types


def plain(value):
    """What `value` holds, as text."""
    kind = type(value).__name__
    if isinstance(value, enum.Enum):
        return f"{kind}.{value.name}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f"{f.name}={plain(getattr(value, f.name))}" for f in dataclasses.fields(value))
        return f"{kind}({', '.join(fields)})"
    if isinstance(value, dict):
        return f"{kind}{{{', '.join(f'{plain(k)}: {plain(v)}' for k, v in value.items())}}}"
    if isinstance(value, (set, frozenset)):
        return f"{kind}{{{', '.join(sorted(map(plain, value)))}}}"
    if isinstance(value, (list, tuple, types.GeneratorType, map, zip, filter)):
        return f"{kind}[{', '.join(map(plain, value))}]"
    library = _of_library(value)
    if library:
        return f"{kind} {library}"
    text = repr(value)
    return f"{kind} {plain(vars(value))}" if " at 0x" in text and hasattr(value, "__dict__") else text


def _of_library(value):
    if hasattr(value, "to_csv"):
        types_ = value.dtypes if not hasattr(value, "columns") else value.dtypes.astype(str).to_dict()
        return f"{types_} {value.to_csv(float_format='%.9g')}"
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return f"{value.dtype} {value.round(9).tolist() if value.dtype.kind == 'f' else value.tolist()}"
    if hasattr(value, "get_axes") and hasattr(value, "savefig"):
        axes = value.get_axes()
        return f"{[(ax.get_title(), len(ax.lines), len(ax.patches)) for ax in axes]}"
    if hasattr(value, "get_params"):
        fitted = {k: v for k, v in vars(value).items() if k.endswith("_") and not k.startswith("_")}
        return f"{sorted(value.get_params(deep=False))} {plain(fitted)}"
    if hasattr(value, "adj") and hasattr(value, "nodes"):
        return f"{list(value.nodes(data=True))} {list(value.edges(data=True))}"
    return ""
