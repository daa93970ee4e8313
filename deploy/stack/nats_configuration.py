"""What a NATS server reads: its configuration, the accounts and their users in it, and the secrets behind them."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.stack import nats_cluster
from deploy.stack.keys import ensure_secret, new_key, new_seed, public_key, write_secret
from deploy.stack.nats_cluster import Member
from deploy.stack.nats_rights import SERVICE_USERS, Rights, rights, source_rights, written
from shared.events.vocabulary import SOURCE_NAME


def seed(secrets: Path, user: str) -> str:
    """The nkey seed of one of `SERVICE_USERS` or of `system`, made in the directory `secrets` on first use."""
    return ensure_secret(secrets / f"nats-{user}.seed", new_seed)


def stream_key(secrets: Path) -> Path:
    """The file with the key that encrypts the streams, as a piece of configuration; made on first use."""
    file = secrets / "jetstream.conf"
    ensure_secret(file, lambda: f'key: "{new_key()}"')
    return file


def configuration(
    listen: str,
    secrets: Path,
    *,
    store: Path,
    key_path: str,
    sources_path: str,
    member: Member | None = None,
    certificates: Sequence[str] = (),
) -> str:
    """The server's configuration: where it listens (`HOST:PORT`) and stores, the accounts and their rights.

    key_path, sources_path: files that it includes, relative to where the configuration will lie. Of the seeds in
    `secrets` only the public halves get in. member: its place in a cluster; None: it stands alone. certificates:
    paths without `.pem` and `.key`, the first one for whoever asks for no name of the others'; without any,
    nothing is encrypted.
    """
    users = "\n".join(f"      {_user(public_key(seed(secrets, user)), rights(user))}" for user in SERVICE_USERS)
    return f"""# Written on every start; changes are lost.
{nats_cluster.written(member)}
listen: "{listen}"
# Four times what the contract allows, so that a message that is too large arrives and gets its outcome.
max_payload: 4MB{_tls(certificates)}
jetstream {{
  store_dir: {json.dumps(str(store))}
  # What is acknowledged must be on disk, also where all servers of a cluster share one power line.
  sync_interval: always
  cipher: chacha
  include {json.dumps(key_path)}
}}
system_account: SYS
accounts {{
  SYS {{
    users: [ {{ nkey: {public_key(seed(secrets, "system"))} }} ]
  }}
  KETNAP {{
    jetstream: enabled
    users: [
{users}
    ]
    exports: [
      {{ service: "ingest.>" }}
      {{ stream: "receipt.>" }}
    ]
  }}
  SOURCES {{
    include {json.dumps(sources_path)}
    imports: [
      {{ service: {{ account: KETNAP, subject: "ingest.>" }} }}
      {{ stream: {{ account: KETNAP, subject: "receipt.>" }} }}
    ]
  }}
}}
"""


def _user(key: str, allowed: Rights) -> str:
    return f"{{ nkey: {key}, {written(allowed)} }}"


def _tls(certificates: Sequence[str]) -> str:
    if not certificates:
        return ""
    pairs = (
        f"{{ cert_file: {json.dumps(f'{each}.pem')}, key_file: {json.dumps(f'{each}.key')} }}"
        for each in certificates
    )
    # TLS from the first byte. Otherwise the server says first, in plain text, whether to encrypt; whoever is in
    # between could say no, and many clients would go on.
    return f"\ntls {{\n  certs: [ {', '.join(pairs)} ]\n  handshake_first: true\n}}"


def write_sources(path: Path, public_keys: Mapping[str, str]) -> bool:
    """Write the users of the account SOURCES, {source: public key}; True if that changed the file."""
    if holds_sources(path, public_keys):
        return False
    write_secret(path, _users_of_sources(public_keys))
    return True


def holds_sources(path: Path, public_keys: Mapping[str, str]) -> bool:
    """Whether the file is already what `write_sources` would write."""
    content = _users_of_sources(public_keys)
    try:
        return path.read_text(encoding="utf-8") == content + "\n"
    except FileNotFoundError:
        return False


def _users_of_sources(public_keys: Mapping[str, str]) -> str:
    for source in public_keys:
        if not re.fullmatch(SOURCE_NAME, source):
            raise ValueError(f"not a source's name: {source!r}")  # it would write its own rights
    lines = ["# Written from the registry's table of sources; changes are lost.", "users: ["]
    for source, key in sorted(public_keys.items()):
        lines.append(f"  {_user(key, source_rights(source))}")
    lines.append("]")
    return "\n".join(lines)


def read_sources(path: Path) -> dict[str, str]:
    """{source: public key} of a file that `write_sources` wrote."""
    pairs = re.findall(r'nkey: (U\w+), .*?"ingest\.([a-z0-9-]+)\.>"', path.read_text(encoding="utf-8"))
    return {source: key for key, source in pairs}
