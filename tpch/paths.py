"""Where the harness finds the project and keeps what it downloads or makes."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

#: Everything made or downloaded lives here, outside the clone.
CACHE = Path(
    os.environ.get("ARCLIGHT_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "arclight"
)

#: The one jar `ci/build` leaves.
ARCLIGHT_JAR = Path(os.environ.get("ARCLIGHT_JAR") or REPOSITORY / "target" / "arclight.jar")


def impersonal(text: str) -> str:
    """The text with this clone's and this user's folders taken out: reports are committed."""
    return text.replace(f"{REPOSITORY}{os.sep}", "").replace(str(Path.home()), "~")
