"""The client of Medsynth's HTTP API, in pure Python: `medsynth.client`. The program itself is in the environment's `bin`.

    import medsynth

    medsynth.Medsynth().detect_contradiction("Aspirin reduces stroke.", "Aspirin does not reduce stroke.", wait=True).verdict
"""

from medsynth.client import *
from medsynth.client import __all__
