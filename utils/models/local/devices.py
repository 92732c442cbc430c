"""The devices available to torch, and the data types in which they multiply fast."""

from __future__ import annotations

import torch


def has_fast_bfloat16(device: str) -> bool:
    """Whether a device multiplies bfloat16 matrices in hardware; others emulate it, many times slower than float32.

    It is looked up and never measured, so that two runs on one machine compute in the same data type. The variables
    ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA, which make a processor behave like an older one, are respected.
    """
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    return "AVX512" in torch.backends.cpu.get_cpu_capability() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def lines() -> list[tuple[str, str, str]]:
    """Name, state and advice for each kind of device, for the doctor's report."""
    found = [("torch", f"{torch.__version__}, {torch.get_num_threads()} threads", "")]
    kind = "fast" if has_fast_bfloat16("cpu") else "emulated, not used"
    found.append(("cpu", f"{torch.backends.cpu.get_cpu_capability()}, bfloat16 {kind}", ""))
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(i)
            bf16 = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no bfloat16"
            found.append((f"cuda:{i}", f"{about.name}, {about.total_memory / 2**30:.0f} GiB, {bf16}", ""))
    else:
        why = "this build of torch has no CUDA" if torch.version.cuda is None else "no CUDA device responds"
        found.append(("cuda", f"none ({why})", ""))
    found.append(("mps", "there" if torch.backends.mps.is_available() else "none", ""))
    return found
