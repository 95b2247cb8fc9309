"""A file of a letter as Apprise's plugins take it."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apprise.attachment.memory import AttachMemory

from tasks.messages.letter import Attachment


class LetterFile(AttachMemory):
    """An attachment in memory, written to a temporary file once a plugin asks for its path.

    Some plugins (`mailgun`, `ses`, `form`) open the path themselves, and the path of Apprise's own
    attachment in memory is its bare name. The file is removed with the attachment.
    """

    _file: Any = None

    @property
    def path(self) -> str | None:
        if not len(self):
            return None
        if self._file is None:
            suffix = Path(str(self.name)).suffix
            self._file = tempfile.NamedTemporaryFile(suffix=suffix)  # noqa: SIM115 (goes with this)
            self._file.write(self._data.getvalue())
            self._file.flush()
        return str(self._file.name)


def letter_files(attachments: Sequence[Attachment]) -> list[LetterFile] | None:
    """Apprise's attachments for these files; None (not an empty list) where there are none."""
    return [
        LetterFile(each.content, each.name, each.mime_type.partition(";")[0])  # type: ignore[no-untyped-call]
        for each in attachments
    ] or None
