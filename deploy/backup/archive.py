"""The file of a backup: a tar archive, encrypted for one recipient with age, so that who makes it cannot read it.

Its first member is the manifest, which names the others with their checksums. `age --decrypt` opens it as well.
"""

import hashlib
import os
import tarfile
import threading
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deploy.stack.errors import StackError, WrongUsage
from deploy.stack.keys import write_secret
from deploy.whole_file import whole

FORMAT = "ketnap backup 1"
MANIFEST = "manifest.json"
DUMP = "database.dump"
_CHUNK = 1024 * 1024


class SourceMark(Struct, frozen=True):
    """How far a source was settled: what came later is in its stream, if that still holds it."""

    source: str
    settled: int


class Manifest(Struct, frozen=True):
    """What a backup holds: the log up to `position`, recorded at `recordedat`, and all that stands around it."""

    format: str
    made_at: datetime
    position: int
    recordedat: datetime | None
    sources: list[SourceMark]
    members: dict[str, str]
    """Name of each other member → SHA-256 of its content."""


def new_key(file: Path) -> str:
    """Make a key that opens backups, in a file of its own; gives the recipient, which only makes them."""
    from pyrage import x25519

    identity = x25519.Identity.generate()
    recipient = str(identity.to_public())
    try:
        write_secret(file, f"# public key: {recipient}\n{identity}", replace=False)
    except FileExistsError:
        raise StackError(f"{file} exists already: name a new file, or use the key in it") from None
    except OSError as error:
        raise StackError(f"{file} cannot be written: {error.strerror}") from None
    return recipient


def read_recipient(written: str) -> Any:
    """Whom a backup is encrypted for, of `age1…`. Raises WrongUsage."""
    from pyrage import RecipientError, x25519

    try:
        return x25519.Recipient.from_str(written.strip())
    except RecipientError as error:
        raise WrongUsage(f"{written!r} is no recipient of backups: expected age1… ({error})") from None


def write(file: Path, manifest: Manifest, members: dict[str, Path], recipient: str) -> None:
    """Write the archive to `file`, whole or not at all. Raises StackError."""
    from pyrage import encrypt_io

    wanted = read_recipient(recipient)
    with whole(file) as output:
        _through_pipe(
            lambda sink: _tar(sink, manifest, members), lambda source: encrypt_io(source, output, [wanted])
        )


def read(file: Path, key_file: Path, into: Path) -> Manifest:
    """Unpack the archive into the directory `into`, every checksum compared. Raises StackError."""
    from pyrage import DecryptError, decrypt_io

    identity = _identity(key_file)
    found: list[Manifest] = []
    try:
        with file.open("rb") as content:
            _through_pipe(
                lambda sink: decrypt_io(content, sink, [identity]),
                lambda source: found.append(_untar(source, into)),
            )
    except DecryptError as error:
        raise StackError(f"{file} does not open with the key in {key_file}: {error}") from None
    except (tarfile.TarError, msgspec.DecodeError) as error:
        raise StackError(f"{file} is no backup of ketnap, or is damaged: {error}") from None
    except OSError as error:
        if error.errno is None:  # what age makes of content that was changed or ends too soon
            raise StackError(
                f"{file} is damaged or cut ({error}): take another copy of it, or an older backup"
            ) from None
        raise StackError(f"{file} cannot be read or unpacked into {into}: {error.strerror}") from None
    return found[0]


def checksum(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _identity(key_file: Path) -> Any:
    from pyrage import IdentityError, x25519

    try:
        # What is no text holds no such line either.
        lines = key_file.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise StackError(f"the key of the backup cannot be read: {error}") from None
    for line in lines:
        if line.startswith("AGE-SECRET-KEY-"):
            try:
                return x25519.Identity.from_str(line.strip())
            except IdentityError as error:
                raise StackError(f"{key_file} holds no key of a backup: {error}") from None
    raise StackError(f"{key_file} holds no key of a backup: expected a line that begins with AGE-SECRET-KEY-1")


def _tar(sink: Any, manifest: Manifest, members: dict[str, Path]) -> None:
    with tarfile.open(fileobj=sink, mode="w|") as archive:
        content = msgspec.json.encode(manifest)
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(content)
        archive.addfile(entry, BytesIO(content))
        for name, path in members.items():
            archive.add(path, name, filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def _untar(source: Any, into: Path) -> Manifest:
    manifest: Manifest | None = None
    seen = set()
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            if content is None:
                raise tarfile.TarError(f"{entry.name} is no file")
            if manifest is None:
                manifest = msgspec.json.decode(content.read(), type=Manifest)
                if manifest.format != FORMAT:
                    raise tarfile.TarError(f"expected {FORMAT!r}, found {manifest.format!r}")
                continue
            if entry.name not in manifest.members:
                raise tarfile.TarError(f"{entry.name} is not in the manifest")
            if Path(entry.name).name != entry.name:
                # Anybody who knows the recipient can make a backup that opens.
                raise tarfile.TarError(f"{entry.name} would lie outside the directory that it is unpacked into")
            path = into / entry.name
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
                while chunk := content.read(_CHUNK):
                    output.write(chunk)
            if checksum(path) != manifest.members[entry.name]:
                raise tarfile.TarError(f"the checksum of {entry.name} is not the manifest's")
            seen.add(entry.name)
    if manifest is None or seen != manifest.members.keys():
        raise tarfile.TarError("it ends before all that its manifest names")
    return manifest


def _through_pipe(write: Callable[[Any], object], read: Callable[[Any], object]) -> None:
    """Let one side write what the other reads, at the same time; what fails first is raised."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with os.fdopen(writing, "wb") as sink:
                write(sink)
        except BrokenPipeError:
            pass  # the reader says why
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="backup")
    thread.start()
    try:
        with os.fdopen(reading, "rb") as source:
            read(source)
    except BaseException:
        thread.join()
        if failed:
            raise failed[0] from None
        raise
    thread.join()
    if failed:
        raise failed[0]
