"""Where stages run: in processes of this machine, or on a cluster. It changes no result."""

from dataclasses import dataclass

KINDS = ("local", "dask", "ray")


@dataclass(frozen=True, slots=True)
class ExecutorSpec:
    """Which executor a run is given, and how large it is.

    Attributes:
        kind: one of `KINDS`.
        address: of a cluster that is there already; ``None``: one is started on this machine, and ended.
        workers: processes of the cluster that take stages; ``None``: one.
        threads: stages that each of them runs at once; ``None``: as many as there are cores for.
        memory: bytes for each worker; ``None``: what there is.
    """

    kind: str = "local"
    address: str | None = None
    workers: int | None = None
    threads: int | None = None
    memory: int | None = None

    @property
    def is_local(self) -> bool:
        """Whether stages run in processes of Pivot's own, without a cluster."""
        return self.kind == "local"

    @property
    def title(self) -> str:
        """What errors call it: ``Dask at tcp://10.0.0.1:8786``."""
        return self.kind.capitalize() + (f" at {self.address}" if self.address else "")

    def slots(self, cores: int) -> int | None:
        """How many stages run at once; ``None`` where only the cluster knows.

        Args:
            cores: of this machine.
        """
        if self.workers is None and self.threads is None:
            return None if self.address else cores
        workers = self.workers or 1
        return workers * (self.threads or (1 if self.address else max(1, cores // workers)))


LOCAL = ExecutorSpec()
