"""The same as `medsynth.encoding`."""

import asf.medical.errors  # where medsynth is missing, it says so
from medsynth.encoding import *
from medsynth.encoding import __all__
