"""The same as `medsynth.client`, beside the other modules of the source document."""

import asf.medical.errors  # where medsynth is missing, it says so
from medsynth.client import *
from medsynth.client import __all__
