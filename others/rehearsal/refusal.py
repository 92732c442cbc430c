"""The server's refusals."""

from __future__ import annotations


class Refusal(Exception):
    """An answer with an error status, in the protocol's form.

    Attributes:
        status: HTTP status.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.kind = kind

    def body(self) -> dict[str, object]:
        """The JSON object to send."""
        return {"error": {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}}


def unknown_model(name: object) -> Refusal:
    """The refusal for an unknown model."""
    message = f"The model '{name}' does not exist or you do not have access to it."
    return Refusal(404, message, code="model_not_found", param="model")


def unsupported(body: dict[str, object], supported: set[str], neutral: dict[str, tuple[object, ...]]) -> None:
    """Refuses fields that the server does not know or would have to ignore.

    Args:
        supported: fields that have an effect.
        neutral: fields without effect here → the values for which they have no effect in the protocol either.
    """
    for name, value in body.items():
        if name in supported or (name in neutral and (value is None or value in neutral[name])):
            continue
        if name in neutral:
            raise Refusal(400, f"This server does not support {name}={value!r}.", param=name)
        raise Refusal(400, f"Unrecognized request argument supplied: {name}", param=name)
