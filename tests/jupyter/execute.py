"""A program, not a test: runs a notebook from top to bottom by nbclient, in a kernel of this interpreter.

    python execute.py NOTEBOOK FOLDER     executes in FOLDER and writes the notebook back; exit code 1 on an error

It is a process of its own since nbclient leaves sockets to the garbage collector.
"""

import sys
import warnings

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def main(path, folder):
    notebook = nbformat.read(path, as_version=4)
    manager = KernelManager()
    manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    client = NotebookClient(notebook, km=manager, timeout=120, resources={"metadata": {"path": folder}})
    code = 0
    try:
        client.execute()
    except CellExecutionError as error:
        notebook.metadata["error"] = f"{error.ename}: {error.evalue}"
        code = 1
    finally:
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
    nbformat.write(notebook, path)
    return code


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(*sys.argv[1:]))
