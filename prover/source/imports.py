"""Parses the first lines of a Lean file: `module`, `prelude` and imports, in every form that Lean accepts."""

from prover.source.lexer import Token, tokenize, unclosed_comment
from prover.theorem import Header, HeaderError

_LONGEST_QUOTE = 80


def header_of(text: str, code: str) -> tuple[Header, int]:
    """Return the imports of a file and the offset after them and the blank lines and comments that follow, except a
    comment that is not closed.

    `public`, `meta`, `all` and `module` affect visibility only, and no proof depends on them.

    Raises:
        HeaderError: an import does not name a module.
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
    # Lean itself imports `Init` into every file, and nothing else implicitly.
    return Header(tuple(dict.fromkeys(("Init", *modules))), ""), _behind_blank_lines(text, code, end)


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)

    def next(self) -> Token | None:
        return next(self._tokens, None)


def _unreadable(text: str, token: Token) -> HeaderError:
    line = text.count("\n", 0, token.start) + 1
    found = text[token.start :].partition("\n")[0].strip()[:_LONGEST_QUOTE]
    return HeaderError(f"header line {line}: expected `import Module.Name`, found {found!r}")


def _behind_blank_lines(text: str, code: str, at: int) -> int:
    """Return the beginning of the first line after `at` that has code; `at` itself if its own line has some, or if only
    comments follow of which one is not closed.
    """
    first = at
    while at < len(code):
        line_end = code.find("\n", at)
        line_end = len(code) if line_end == -1 else line_end + 1
        if code[at:line_end].strip():
            return at
        at = line_end
    return at if unclosed_comment(text) is None else first
