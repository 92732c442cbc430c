"""Uploaded and created files: /files."""

from __future__ import annotations

import email

from others.rehearsal.refusal import Refusal
from others.rehearsal.store import Store, new_id, now, page

PURPOSES = ("fine-tune", "batch")  # of uploads


class Files:
    """The files of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def upload(self, fields: dict[str, str], name: str, data: bytes | None) -> dict:
        """POST /files: each upload is a separate file, even with identical bytes."""
        purpose = fields.get("purpose")
        if purpose not in PURPOSES:
            raise Refusal(400, f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'", param="purpose")
        if data is None:
            raise Refusal(400, "'file' is a required property", param="file")
        if not data:
            raise Refusal(400, "The file is empty.", param="file")
        return self.make(name, data, purpose)

    def make(self, name: str, data: bytes, purpose: str) -> dict:
        """A new file."""
        made = {"id": new_id("file-"), "object": "file", "bytes": len(data), "created_at": now()}
        made |= {"filename": name, "purpose": purpose, "status": "processed"}
        (self._store.contents / made["id"]).write_bytes(data)
        return self._store.view(self._store.add("files", made))

    def list(self, query: dict[str, str]) -> dict:
        """GET /files."""
        records = self._store.newest("files")
        found = [r["object"] for r in records if query.get("purpose") in (None, r["object"]["purpose"])]
        return page(found if query.get("order", "desc") == "desc" else found[::-1], query, 10_000, 10_000)

    def get(self, id: str) -> dict:
        """GET /files/ID."""
        refusal = Refusal(404, f"No such File object: {id}", param="id")
        return self._store.view(self._store.get("files", id, lambda: refusal))

    def content(self, id: str) -> bytes:
        """GET /files/ID/content."""
        return (self._store.contents / self.get(id)["id"]).read_bytes()

    def delete(self, id: str) -> dict:
        """DELETE /files/ID."""
        self._store.remove("files", self.get(id)["id"])
        (self._store.contents / id).unlink()
        return {"id": id, "object": "file", "deleted": True}

    def of(self, id: object, purpose: str, param: str) -> bytes:
        """The bytes of a file named by a job or batch.

        Raises:
            Refusal: it does not exist, or was uploaded for another purpose.
        """
        record = self._store.find("files", id)
        if record is None:
            raise Refusal(400, f"invalid {param}: {id}", code="invalid_file", param=param)
        if record["object"]["purpose"] != purpose:
            had = record["object"]["purpose"]
            raise Refusal(400, f"invalid {param}: {id} has purpose '{had}', not '{purpose}'", param=param)
        return self.content(str(id))


def form(content_type: str, body: bytes) -> tuple[dict[str, str], str, bytes | None]:
    """Fields, file name and file content of a multipart form.

    Raises:
        Refusal: it is not such a form.
    """
    head = email.message_from_string(f"Content-Type: {content_type}\n\n")
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise Refusal(400, "an upload is multipart/form-data")
    fields, name, data = {}, "", None
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        header, _, content = part.partition(b"\r\n\r\n")
        headers = email.message_from_string(header.decode("utf-8").strip())
        key = str(headers.get_param("name", header="content-disposition"))
        if key == "file":
            name, data = headers.get_filename() or "upload", content
        else:
            fields[key] = content.decode("utf-8")
    return fields, name, data
