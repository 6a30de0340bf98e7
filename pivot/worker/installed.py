"""Where the interpreter and the libraries installed with it lie."""

import functools
import os
import site
import sys
import sysconfig
from collections.abc import Mapping


@functools.cache
def installed() -> Mapping[str, str]:
    """What `sysconfig.get_paths` gives: the same as long as the process lives, and costly to make."""
    return sysconfig.get_paths()


def library_folders() -> list[str]:
    """The entries of ``sys.path`` that belong to the interpreter, not to a project."""
    paths = installed()
    own = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")} | set(site.getsitepackages())
    own |= {os.path.join(paths["stdlib"], "lib-dynload"), site.getusersitepackages()}
    known = {os.path.realpath(entry) for entry in own}
    return [entry for entry in sys.path if os.path.realpath(entry) in known]
