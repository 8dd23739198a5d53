"""Answers messages that pygls leaves unanswered or shows as a popup."""

from collections.abc import Mapping
from typing import Any

from cattrs import transform_error
from cattrs.errors import ClassValidationError
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcMethodNotFound
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import RPCRequest

from service.core.limits.text import printable

_OF_OPEN_DOCUMENTS = (
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.TEXT_DOCUMENT_DID_SAVE,
)
_LONGEST = 300  # characters of a description of parameters
_UNREAD = object()
"""Stands for an unreadable message; if it was a request, it has been answered."""


class Protocol(LanguageServerProtocol):
    """Answers every request, also before `initialize`, after `shutdown` and if it cannot be read, and ignores notifications about unknown
    documents.
    """

    def structure_message(self, data: dict[str, Any]) -> Any:
        """See `JsonRPCProtocol.structure_message`, which is called for every object in a message."""
        method = data.get("method")
        try:
            if method is None or isinstance(method, str) or "jsonrpc" not in data:
                return super().structure_message(data)
            self._refuse(data, types.ErrorCodes.InvalidRequest, "`method` is not a string")
        except JsonRpcException as error:
            if method is not None:
                why = f"the parameters of {printable(str(method)[:80])} are not as the protocol has them: {_description(error)}"
                self._refuse(data, types.ErrorCodes.InvalidParams, why)
        return _UNREAD

    def handle_message(self, message: Any) -> None:
        """See `JsonRPCProtocol.handle_message`."""
        if message is _UNREAD:
            return
        if getattr(message, "jsonrpc", None) != self.VERSION:
            fields = message if isinstance(message, dict) else {"id": getattr(message, "id", None)}
            self._refuse(
                fields, types.ErrorCodes.InvalidRequest, "messages are of JSON-RPC 2.0 and say so in `jsonrpc`"
            )
            return
        method = getattr(message, "method", "")
        if method == types.WORKSPACE_EXECUTE_COMMAND and message.params.arguments is None:
            message.params.arguments = []  # so that pygls counts them
        began = self._workspace is not None or method in (types.INITIALIZE, types.EXIT)
        ended = self._shutdown and method != types.EXIT
        if began and not ended:
            if method not in _OF_OPEN_DOCUMENTS or self._is_open(message.params):
                super().handle_message(message)
        elif isinstance(message, RPCRequest):
            error = (
                types.ResponseError(types.ErrorCodes.InvalidRequest, "the server has been told to shut down")
                if ended
                else types.ResponseError(types.ErrorCodes.ServerNotInitialized, "the first request is `initialize`")
            )
            self._send_response(message.id, error=error)

    def refuse_text(self) -> None:
        """Answer a message that is not JSON, for any request it may have been."""
        error = {"code": types.ErrorCodes.ParseError.value, "message": "the message is not JSON in UTF-8"}
        self._send_data({"jsonrpc": self.VERSION, "id": None, "error": error})  # lsprotocol would leave out the id

    def _refuse(self, fields: Mapping[str, Any], code: types.ErrorCodes, why: str) -> None:
        """Answer an unreadable request if it has an id."""
        number = fields.get("id")
        if isinstance(number, str | int) and not isinstance(number, bool):
            self._send_response(number, error=types.ResponseError(code, why))

    def _is_open(self, params: Any) -> bool:
        return params.text_document.uri in self.workspace.text_documents


class Server(LanguageServer):
    """A server that answers unknown and unreadable requests with an error instead of a popup."""

    def report_server_error(self, error: Exception, source: Any) -> None:
        """See `LanguageServer.report_server_error`."""
        if isinstance(error, ValueError) and source is JsonRpcException and isinstance(self.protocol, Protocol):
            self.protocol.refuse_text()
        elif not isinstance(error, JsonRpcMethodNotFound | JsonRpcInvalidParams):
            super().report_server_error(error, source)


def _description(error: JsonRpcException) -> str:
    """Describe the error and its place in one line."""
    cause = error.__cause__
    if isinstance(cause, ClassValidationError):
        return printable("; ".join(transform_error(cause, path="message"))[:_LONGEST])
    return printable(str(cause)[:_LONGEST])
