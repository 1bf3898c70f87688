"""The same as `medsynth.errors`: one exception for what the core, the HTTP API and their callers see."""

try:
    from medsynth.errors import *
    from medsynth.errors import __all__
except ImportError:  # nothing of that name, or a stranger's
    raise ImportError("asf.medical needs the wheel of Medsynth's program and client beside its own: pip install medsynth-*.whl "
                      "medsynth_asf-*.whl") from None
