"""What there is of a machine, read from files such as Linux has them."""

import pytest

from pivot.executors.machine import machine_capacity

GIB = 1 << 30
INNER = {"proc/self/cgroup": "0::/pod/box\n"}
CASES = {
    "the closest limit of all groups around counts": (
        {
            **INNER,
            "sys/fs/cgroup/pod/box/memory.max": "max\n",
            "sys/fs/cgroup/pod/memory.max": "1048576\n",
            "sys/fs/cgroup/memory.max": "2097152\n",
            "sys/fs/cgroup/pod/cpu.max": "50000 100000\n",
        },
        {"cpus": 1, "memory": 1 << 20},
    ),
    "the first kind of groups": (
        {
            "proc/self/cgroup": "5:memory:/box\n4:cpu,cpuacct:/box\n",
            "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "1048576\n",
            "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "100000\n",
            "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
        },
        {"cpus": 1, "memory": 1 << 20},
    ),
    "in a container the own folder may be the top one": (
        {"proc/self/cgroup": "0::/host/only\n", "sys/fs/cgroup/memory.max": "1048576\n"},
        {"memory": 1 << 20},
    ),
    "gpus are devices with a number": (
        {"dev/nvidia0": "", "dev/nvidia1": "", "dev/nvidiactl": "", "dev/nvidia-uvm": ""},
        {"gpus": 2},
    ),
    "gpus of another maker": (
        {
            "sys/class/kfd/kfd/topology/nodes/0/gpu_id": "0\n",
            "sys/class/kfd/kfd/topology/nodes/1/gpu_id": "29312\n",
        },
        {"gpus": 1},
    ),
    "nothing known: none": ({}, {"gpus": 0}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_machine_is_as_big_as_its_files_say(tmp_path, case):
    files, expected = CASES[case]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = machine_capacity({}, str(tmp_path))
    assert {name: found[name] for name in expected} == expected
    assert found["cpus"] >= 1


@pytest.mark.parametrize(
    ("shown", "count"), [("0", 1), ("0,1", 2), ("", 0), ("-1", 0), ("1,-1,0", 1), ("GPU-8932f937", 1)]
)
def test_gpus_that_are_hidden_from_this_process_are_not_there(tmp_path, shown, count):
    assert machine_capacity({"CUDA_VISIBLE_DEVICES": shown}, str(tmp_path))["gpus"] == count
