"""Where the interpreter and the libraries installed with it lie."""

import functools
import sysconfig
from collections.abc import Mapping


@functools.cache
def installed() -> Mapping[str, str]:
    """What `sysconfig.get_paths` gives: the same as long as the process lives, and costly to make."""
    return sysconfig.get_paths()
