"""The same workflows at home, on Dask and on Ray: one cluster of each kind, which lives through all tests here."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pivot.project import Workers


@pytest.fixture(scope="package", params=["local", "dask", "ray"])
def kind(request: pytest.FixtureRequest, require_executor: Callable[[str], None]) -> str:
    """Where stages run."""
    require_executor(request.param)
    return request.param


@pytest.fixture(scope="package")
def place(kind: str) -> Iterator[str]:
    """What ``executor:`` says of it. The cluster is there before any run, and when the last one is over."""
    if kind == "local":
        yield "local"
        return
    head = Path(__file__).with_name("head.py")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv(
            "RAY_AUTH_MODE", "token"
        )  # so that it is closed to others, and writes no token at home
        environment.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        with subprocess.Popen(
            [sys.executable, str(head), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as cluster:
            assert cluster.stdout is not None
            yield f"{{kind: {kind}, address: '{cluster.stdout.readline().strip()}'}}"
            cluster.communicate()


@pytest.fixture(scope="package")
def warm(place: str) -> Iterator[Workers]:
    """What all runs in this process share: workers here, or the one connection to the cluster."""
    one = Workers()
    yield one
    one.close()


@pytest.fixture
def flow(flow, place: str, warm: Workers):
    """A project whose stages run there."""
    flow.executor, flow.workers = place, warm
    return flow


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for a fact, not for a time."""

    def wait(is_so: Callable[[], bool], seconds: float = 120.0) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    return wait


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Whether a process has ended."""

    def is_gone(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return is_gone
