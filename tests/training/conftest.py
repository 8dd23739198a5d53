"""One thread for torch, since the models are tiny and the machine is shared; no deadline, for the same reason."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("shared_machine", deadline=None)
settings.load_profile("shared_machine")
