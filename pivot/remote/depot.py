"""Single files on their way by a remote, between machines that share no other folder."""

import os
import threading

from pivot.model.digest import Digest
from pivot.remote.address import open_remote
from pivot.remote.backend import MissingKeyError
from pivot.remote.transfer import Checked, DamagedError, agree, object_key, save
from pivot.store import atomic
from pivot.store.objects import ObjectStore


class Depot:
    """A remote as such machines use it. Safe in any thread.

    Args:
        address: of the remote; absolute, where it is a folder.
        create: make its folder, if only itself is missing.

    Raises:
        RemoteError: it cannot be reached, or is no remote of Pivot's.

    Attributes:
        address: as given.
        backend: what is there.
    """

    def __init__(self, address: str, *, create: bool) -> None:
        self.address = address
        self.backend = open_remote(address, os.sep, create=create)
        agree(self.backend, write=create)
        self._there: set[Digest] = set()
        self._over = threading.Event()

    def stop(self) -> None:
        """Nothing is moved any more; what is on its way is given up."""
        self._over.set()

    def send(self, path: str, digest: Digest) -> None:
        """Bring a file there, unless it is there.

        Raises:
            RemoteError: it cannot be written, or the file has other bytes by now.
            OSError: the file cannot be read.
        """
        if digest in self._there:
            return
        key = object_key(digest)
        with open(path, "rb", buffering=0) as file:
            if self.backend.sizes([key]).get(key) != os.fstat(file.fileno()).st_size:
                self.backend.write(key, Checked(file, digest, self._over))
        self._there.add(digest)

    def fetch(self, digest: Digest, path: str, *, executable: bool = False) -> None:
        """Put bytes that are there at a path, over whatever file is there: all or nothing.

        Raises:
            RemoteError: they are not there, or damaged.
            StoreError: the file cannot be written.
        """
        temporary = os.path.join(os.path.dirname(path), f".pivot-new.{atomic.token()}")
        try:
            self._receive(digest, temporary, 0o777 if executable else 0o666)
            with atomic.explained(path):
                atomic.rename(temporary, path)
        finally:
            atomic.discard(temporary)

    def keep(self, digest: Digest, objects: ObjectStore) -> None:
        """Put bytes that are there into a cache; see `fetch`."""
        if objects.has(digest):
            return
        temporary = os.path.join(objects.layout.cache_scratch, atomic.token())
        try:
            self._receive(digest, temporary, 0o600)
            objects.adopt(temporary, digest)
        finally:
            atomic.discard(temporary)

    def _receive(self, digest: Digest, path: str, mode: int) -> None:
        try:
            with self.backend.read(object_key(digest)) as source, atomic.explained(path):
                save(Checked(source, digest, self._over), path, mode)
        except MissingKeyError as error:
            raise MissingKeyError(f"the remote {self.address} has no {object_key(digest)}") from error
        except DamagedError as error:
            hint = f"delete {object_key(digest)} there, and run again"
            raise DamagedError(f"bytes on the remote {self.address} are damaged", hint) from error
