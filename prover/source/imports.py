"""The lines that a Lean file begins with: `module`, `prelude` and its imports, in every form that Lean takes."""

from prover.source.lexer import Token, tokenize
from prover.theorem import Header, HeaderError

_LONGEST_QUOTE = 80


def header_of(text: str, code: str) -> tuple[Header, int]:
    """The imports of a file and the offset after them, blank lines and remarks that follow left out.

    `public`, `meta` and `all` say who sees an import; nothing is proved differently for them, and neither for `module`.

    Raises:
        HeaderError: an import names no module.
    """
    modules: list[str] = []
    end = 0
    tokens = _Tokens(text)
    while (token := tokens.next()) is not None:
        if token.text in ("module", "prelude") and not modules:
            end = token.end
            continue
        first = token
        while token is not None and token.text in ("public", "meta"):
            token = tokens.next()
        if token is None or token.text != "import":
            break
        name = tokens.next()
        if name is not None and name.text == "all":
            name = tokens.next()
        if name is None or name.kind != "name":
            raise _unreadable(text, first)
        end = name.end
        modules.append(Header.parse(f"import {name.text}").imports[0])
    # Lean itself imports `Init` into every file and nothing else that is not named.
    return Header(tuple(dict.fromkeys(("Init", *modules))), ""), _behind_blank_lines(code, end)


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)

    def next(self) -> Token | None:
        return next(self._tokens, None)


def _unreadable(text: str, token: Token) -> HeaderError:
    line = text.count("\n", 0, token.start) + 1
    found = text[token.start :].partition("\n")[0].strip()[:_LONGEST_QUOTE]
    return HeaderError(f"header line {line}: expected `import Module.Name`, found {found!r}")


def _behind_blank_lines(code: str, at: int) -> int:
    """The beginning of the first line after `at` with code on it; `at` itself if there is some on its own line."""
    while at < len(code):
        line_end = code.find("\n", at)
        line_end = len(code) if line_end == -1 else line_end + 1
        if code[at:line_end].strip():
            break
        at = line_end
    return at
