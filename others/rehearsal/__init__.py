"""A small server with an OpenAI-compatible fine-tuning API for tests and rehearsals. It tunes a small local model.

with rehearsal.serve(models={"test": folder}) as server:
    OpenAI(base_url=server.url, api_key="any")
"""

from __future__ import annotations

from typing import Any

from others.rehearsal.faults import Fault

__all__ = ["Fault", "serve"]


def serve(**options: Any) -> Any:
    """A `server.Server` that runs in threads of this process inside a `with`; see that class for options."""
    from others.rehearsal.server import Server  # late, so that `python -m others.rehearsal.server` imports it once

    return Server(**options)
