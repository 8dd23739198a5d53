#!/bin/sh
# pygls 2.1.1: lines end where the protocol has no line end, so that edits land elsewhere.
#
# Lines of a document end at a line feed, a carriage return, or both, says the Language Server Protocol. The server's
# copy of a document is cut by `str.splitlines`, which also cuts at a form feed, U+0085, U+2028 and others. Where such a
# letter stands, in a string or a remark, an edit that the client sends for a later line changes another one, and the
# two copies differ from then on. Expected: the client's text.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pygls==2.1.1
cd "$folder"
cat >look.py <<'EOF'
from lsprotocol import types
from pygls.workspace import TextDocument

for letter in ("\t", "\f", "\x85", "\u2028"):
    document = TextDocument("file:///a", f"one{letter}more\ntwo\nthree\n")
    where = types.Range(types.Position(1, 0), types.Position(1, 3))
    document.apply_change(types.TextDocumentContentChangePartial(text="TWO", range=where))
    print(f"U+{ord(letter):04X}", document.source.split("\n"))
EOF
seen=$(venv/bin/python look.py)
expected="U+0009 ['one\\tmore', 'TWO', 'three', '']
U+000C ['one\\x0cTWOe', 'two', 'three', '']
U+0085 ['one\\x85TWOe', 'two', 'three', '']
U+2028 ['one\\u2028TWOe', 'two', 'three', '']"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
