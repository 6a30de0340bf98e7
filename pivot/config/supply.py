"""Where the params of a file's stages come from, beside what each stage's own entry says.

the file's ``params:``  <  the stage's own  <  params.yaml  <  ``--set key=…``  <  ``--set stage.key=…``
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pivot.config.params import ParamLayer, Uptake, params_layers, plain_table
from pivot.config.spelling import did_you_mean
from pivot.config.tables import ConfigPart, merge
from pivot.errors import DefinitionError, PivotError
from pivot.model.context import CONFIG
from pivot.model.place import Place
from pivot.yamlio import YamlDocument


@dataclass(frozen=True, slots=True)
class SetValue:
    """A value that was set for one command, over all that files say.

    Attributes:
        key: ``n_vals``, ``optim.lr``, ``train.n_vals`` of one stage, ``config.data.n_cities``.
        value: as YAML has it.
        stages: names of stages that took it as theirs; is added to.
    """

    key: str
    value: Any
    uptake: Uptake = field(default_factory=Uptake, compare=False)
    stages: set[str] = field(default_factory=set, compare=False)

    @property
    def place(self) -> Place:
        """Where it was given, for messages."""
        return Place(f"--set {self.key}")

    @property
    def config(self) -> ConfigPart | None:
        """What it says of the config; ``None`` for a param."""
        first, _, rest = self.key.partition(".")
        return ConfigPart(_nested(rest, self.value), self.place) if first == CONFIG and rest else None

    def shared(self) -> ParamLayer:
        """It as a value for all stages that have the param."""
        return ParamLayer(_nested(self.key, self.value), self.place, uptake=self.uptake)

    def own(self, stage: str) -> ParamLayer | None:
        """It as a value of one stage; ``None`` where it does not name that stage."""
        if not self.key.startswith(f"{stage}."):
            return None
        self.stages.add(stage)
        return ParamLayer(_nested(self.key.removeprefix(f"{stage}."), self.value), self.place)


def set_values(given: Mapping[str, Any]) -> tuple[SetValue, ...]:
    """The values of a table from key to value, as JSON has them.

    Raises:
        DefinitionError: one has no JSON form.
    """
    try:
        table = plain_table(given)
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"--set: a value has no JSON form: {error}") from error
    return tuple(SetValue(key, value) for key, value in table.items())


@dataclass(frozen=True, slots=True)
class ParamSupply:
    """What is said of the params of one file's stages.

    Attributes:
        document: the ``params.yaml`` beside the file.
        shared: what the file says for all its stages.
        sets: what was set for this command.
        prefix: stands in front of the stages' names for whoever names them: ``prepare:``, of another folder's file.
    """

    document: YamlDocument | None = None
    shared: tuple[ParamLayer, ...] = ()
    sets: tuple[SetValue, ...] = ()
    prefix: str = ""

    def layers(self, stage: str, own: Sequence[ParamLayer] = ()) -> tuple[ParamLayer, ...]:
        """All that is said of a stage's params, the weakest first.

        Args:
            own: what its entry says.
        """
        if not self.sets and self.document is None:
            return (*self.shared, *own)
        params = [value for value in self.sets if value.config is None]
        names = dict.fromkeys((stage.partition("@")[0], stage))
        named = [value.own(f"{self.prefix}{name}") for name in names for value in params]
        return (
            *self.shared,
            *own,
            *params_layers(self.document, stage),
            *(value.shared() for value in params),
            *(layer for layer in named if layer is not None),
        )

    def with_shared(
        self, values: Mapping[str, Any], place: Place, document: YamlDocument | None = None
    ) -> "ParamSupply":
        """It with what the pipeline file says for all stages."""
        if not values:
            return self
        layer = ParamLayer(values, place, document, ("params",) if document else (), Uptake())
        return replace(self, shared=(*self.shared, layer))

    def said_for_all(self) -> dict[str, Any]:
        """The params that are given to all stages, whether they have them or not."""
        found: dict[str, Any] = {}
        for layer in self.shared:
            found = merge(found, layer.values)
        for value in self.sets:
            first, _, rest = value.key.partition(".")
            if value.config is None and (first in found or not rest):
                found = merge(found, _nested(value.key, value.value))
        return found

    def config(self) -> tuple[ConfigPart, ...]:
        """What was set of the config."""
        return tuple(part for value in self.sets if (part := value.config) is not None)

    def unclaimed(self, *, surely: bool = True) -> Iterator[PivotError]:
        """An error for each value that the file gives to all its stages and that none of them has.

        Args:
            surely: whether all stages could be read; if not, only those are told that are like a name of one.
        """
        for layer in self.shared:
            assert layer.uptake is not None
            for name in layer.values:
                hint = did_you_mean(name, layer.uptake.known) or "no stage has params"
                if name not in layer.uptake.taken and (surely or hint.startswith("did you mean")):
                    yield DefinitionError(
                        f"params: no stage has a param {name!r} ({layer.where((name,))})",
                        f"{hint}; what only the run context is asked for belongs under config:",
                    )


def unused_sets(
    sets: Sequence[SetValue], stages: Sequence[str], *, surely: bool = True, is_input: bool = False
) -> Iterator[PivotError]:
    """An error for each value that was set and that nothing took, or that may mean two things.

    Args:
        stages: the names of all stages.
        surely: as for `ParamSupply.unclaimed`.
        is_input: whether they are the input of a Flowdapt workflow, of which stages may take some from the run
            context alone; then only names that are like that of a param are told.
    """
    for value in sets:
        if value.config is not None:
            continue
        if value.stages and value.uptake.taken:
            hint = f"rename the param {value.key.partition('.')[0]!r}, or the stage"
            yield DefinitionError(f"{value.place} may mean stage {min(value.stages)!r} or a param", hint)
        elif not value.stages and not value.uptake.taken:
            name = value.key.partition(".")[0]
            known = value.uptake.known if name == value.key else {*value.uptake.known, *stages, CONFIG}
            close, may_be_asked = did_you_mean(name, known), is_input and name == value.key
            if (surely and not may_be_asked) or (close or "").startswith("did you mean"):
                yield DefinitionError(f"{value.place}: no stage has a param {name!r}", close)


def _nested(key: str, value: Any) -> dict[str, Any]:
    first, _, rest = key.partition(".")
    return {first: _nested(rest, value) if rest else value}
