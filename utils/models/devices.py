"""The devices that torch can compute on here."""

from __future__ import annotations

import torch


def lines() -> list[tuple[str, str, str]]:
    """What, state and advice of each kind of device, for the doctor's report."""
    found = [("torch", f"{torch.__version__}, {torch.get_num_threads()} threads", "")]
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(i)
            bf16 = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no bfloat16"
            found.append((f"cuda:{i}", f"{about.name}, {about.total_memory / 2**30:.0f} GiB, {bf16}", ""))
    else:
        why = "this build of torch has no CUDA" if torch.version.cuda is None else "no CUDA device answers"
        found.append(("cuda", f"none ({why})", ""))
    found.append(("mps", "there" if torch.backends.mps.is_available() else "none", ""))
    return found
