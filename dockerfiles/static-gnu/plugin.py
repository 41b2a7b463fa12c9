from typing import Any, Mapping


async def init(config: Mapping[str, Any]) -> None:
    """The agent awaits this before it reads the package; there is no more."""
