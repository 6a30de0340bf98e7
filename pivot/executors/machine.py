"""What this machine has for stages: cores, memory and GPUs, as far as this process may use them."""

import math
import os
from collections.abc import Iterator, Mapping

from pivot.executors.cores import cores

_ROOT = "/"
_NVIDIA = "nvidia"
_AMD = "sys/class/kfd/kfd/topology/nodes"
_HIDDEN = ("", "-1", "none", "void", "NoDevFiles")


def machine_capacity(environment: Mapping[str, str], root: str = _ROOT) -> dict[str, float]:
    """Resource → how much there is: ``cpus``, ``gpus``, and ``memory`` in bytes where the system says it.

    Args:
        environment: ``CUDA_VISIBLE_DEVICES`` hides GPUs.
        root: of the file system.
    """
    found = {"cpus": float(min([cores(), *_cpu_limits(root)])), "gpus": float(_gpus(environment, root))}
    memory = [*_memory_limits(root), *_installed()]
    return {**found, "memory": float(min(memory))} if memory else found


def _gpus(environment: Mapping[str, str], root: str) -> int:
    shown = environment.get("CUDA_VISIBLE_DEVICES")
    if shown is not None:
        listed = [name.strip() for name in shown.split(",")]
        # those behind one that is none are not seen, either
        return next((n for n, name in enumerate(listed) if name in _HIDDEN), len(listed))
    devices = _names(os.path.join(root, "dev"))
    nvidia = [name for name in devices if name.startswith(_NVIDIA) and name[len(_NVIDIA) :].isdecimal()]
    nodes = os.path.join(root, _AMD)
    amd = [name for name in _names(nodes) if _text(os.path.join(nodes, name, "gpu_id")).strip("0\n ")]
    return len(nvidia) + len(amd)


def _installed() -> Iterator[int]:
    try:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return


def _cpu_limits(root: str) -> Iterator[int]:
    for folder in _groups(root, "cpu"):
        quota, _, period = _text(os.path.join(folder, "cpu.max")).partition(" ")
        if not quota:
            quota = _text(os.path.join(folder, "cpu.cfs_quota_us"))
            period = _text(os.path.join(folder, "cpu.cfs_period_us"))
        if quota.strip().isdecimal() and period.strip().isdecimal() and int(period):
            yield max(1, math.ceil(int(quota) / int(period)))


def _memory_limits(root: str) -> Iterator[int]:
    for folder in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limit = _text(os.path.join(folder, name)).strip()
            if limit.isdecimal():
                yield int(limit)


def _groups(root: str, controller: str) -> Iterator[str]:
    """The folders of this process's cgroup and of those around it, which limit it, too."""
    for line in _text(os.path.join(root, "proc/self/cgroup")).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        top = os.path.join(root, "sys/fs/cgroup")
        if number != "0" or controllers:
            if controller not in controllers.split(","):
                continue
            top = os.path.join(top, controller)
        steps = path.strip("/").split("/") if path.strip("/") else []
        for length in range(len(steps), -1, -1):
            yield os.path.join(top, *steps[:length])


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
