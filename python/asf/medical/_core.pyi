# The extension's functions are private; the modules that call them are typed.
from typing import Any

def __getattr__(name: str) -> Any: ...
