#!/bin/sh
# lsp-mode 8.0.0: columns are counted in characters, although UTF-16 units are what is agreed.
#
# lsp-mode says nothing of `positionEncodings`, so positions count UTF-16 units (Language Server Protocol 3.17). The letter 𝔽 is two of
# them: column 2 of `𝔽x` is before the x, and the x, at the end, is in column 3. Expected: point 2, and column 3.
# Needs emacs and lsp-mode (Debian: emacs-nox, elpa-lsp-mode).
set -eu
command -v emacs >/dev/null || { echo "there is no emacs here" >&2; exit 2; }
seen=$(HOME=$(mktemp -d) LANG=C.UTF-8 emacs --batch --eval '(progn
  (package-initialize)
  (require (quote lsp-mode))
  (with-temp-buffer
    (insert "𝔽x")
    (princ (format "column 2 is point %d\n" (lsp--position-to-point (lsp-make-position :line 0 :character 2))))
    (princ (format "the end is column %d\n" (plist-get (lsp--point-to-position (point-max)) :character)))))' 2>/dev/null)
expected="column 2 is point 3
the end is column 2"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
