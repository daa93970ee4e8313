"""Keys for tests: made as an operator makes them, in a directory of the test's own."""

from pathlib import Path
from typing import Any

from deploy.stack.access import add_key
from deploy.stack.layout import Layout


class Keys:
    """A file of keys that grows as the test asks for them."""

    def __init__(self, directory: Path) -> None:
        self.layout = Layout(directory)
        self.path = str(self.layout.keys_file)

    def new(self, name: str, role: str, **about: Any) -> str:
        """A key."""
        return add_key(self.layout, name, role, **about)[1]

    def viewer(self, organisation: str) -> dict[str, str]:
        """The headers of a viewer of an organisation."""
        return bearer(self.new(f"viewer {organisation}", "viewer", organisation=organisation))

    def source(self, source: str, root: str) -> dict[str, str]:
        """The headers of a source."""
        return bearer(self.new(f"source {source}", "source", source=source, organisation=root))

    def watcher(self) -> dict[str, str]:
        """The headers of a Prometheus."""
        return bearer(self.new("prometheus", "watcher"))

    def operator(self) -> dict[str, str]:
        """The headers of an operator."""
        return bearer(self.new("operator", "operator"))


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}
