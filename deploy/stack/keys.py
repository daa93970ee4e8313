"""Makes the secrets of a system and keeps each in a file that only its owner can read."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_secret(path: Path, value: str, *, replace: bool = True) -> None:
    """Write `value` to `path` with mode 0600, whole or not at all; FileExistsError unless `replace`."""
    if not replace and path.exists():
        raise FileExistsError(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        if replace:
            beside.replace(path)
        else:
            os.link(beside, path)  # unlike a rename, never over a file that appeared meanwhile
    finally:
        beside.unlink(missing_ok=True)


def ensure_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`, made there on first use. Of several that make it at once, all get the first one's."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # What another has put there meanwhile may be in use already.
        with contextlib.suppress(FileExistsError):
            write_secret(path, make(), replace=False)
        return path.read_text(encoding="utf-8").strip()


def new_password() -> str:
    """43 letters, digits, `-` and `_`: safe in a URL and in a quoted SQL literal."""
    return secrets.token_urlsafe(32)


def new_key() -> str:
    """32 random bytes as 64 hexadecimal digits."""
    return secrets.token_hex(32)


def new_seed() -> str:
    """A new nkey seed of a user (`SU…`): the private half, which any NATS client takes."""
    import nkeys

    seed: bytes = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    return seed.decode("ascii")


def public_key(seed: str) -> str:
    """The public half (`U…`) of a user's seed; ValueError if it is not one."""
    import nkeys

    try:
        pair = nkeys.from_seed(bytearray(seed.strip().encode("ascii")))
        public: bytes = pair.public_key
    except (UnicodeEncodeError, ValueError, nkeys.NkeysError) as error:
        raise ValueError("not an nkey seed: expected 58 characters that begin with SU") from error
    return public.decode("ascii")
