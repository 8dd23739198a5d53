"""Answers messages that pygls leaves unanswered or shows as a popup."""

from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcMethodNotFound
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import RPCRequest

_OF_OPEN_DOCUMENTS = (
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.TEXT_DOCUMENT_DID_SAVE,
)


class Protocol(LanguageServerProtocol):
    """Answers every request, also before `initialize` and after `shutdown`, and ignores notifications about unknown
    documents.
    """

    def handle_message(self, message: Any) -> None:
        method = getattr(message, "method", "")
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

    def _is_open(self, params: Any) -> bool:
        return params.text_document.uri in self.workspace.text_documents


class Server(LanguageServer):
    """A server that answers unknown requests with an error instead of a popup."""

    def report_server_error(self, error: Exception, source: Any) -> None:
        if not isinstance(error, JsonRpcMethodNotFound):
            super().report_server_error(error, source)
