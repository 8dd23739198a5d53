;;; Does what a user does in a Lean file: puts point on its `sorry', asks for code actions, takes one, and saves what came of it. -*- lexical-binding: t -*-
(require 'cl-lib)
(require 'subr-x)

(defvar drive-patience 60 "Seconds.")
(defvar drive-asked nil "Whether the user was asked about an edit.")

(defun drive-wait (condition what)
  "Wait until CONDITION holds; say WHAT is missing if it never does."
  (with-timeout (drive-patience (error "%s; *Messages*: %s" what (with-current-buffer (messages-buffer) (buffer-string))))
    (while (not (funcall condition)) (accept-process-output nil 0.05))))

(defun drive-answer (&rest _)
  "The user's answer about an edit."
  (setq drive-asked t)
  (equal (getenv "ANSWER") "yes"))

(defun drive-choose (_prompt collection &rest _)
  "The user's choice among code actions."
  (or (car (all-completions (getenv "WANTED_ACTION") collection))
      (error "Not offered: %S" (all-completions "" collection))))

(defun drive (start ready ask)
  "Open the file, START a server, wait until it is READY, and ASK for code actions."
  (find-file (getenv "LEAN_FILE"))
  (advice-add 'y-or-n-p :override #'drive-answer)
  (advice-add 'completing-read :override #'drive-choose)
  (funcall start)
  (drive-wait ready (format "no server was started in %s" major-mode))
  (setq last-nonmenu-event ?x) ; the keyboard, as it is when a user types a command
  (search-forward "sorry")
  (goto-char (match-beginning 0))
  (call-interactively ask)
  (if (equal (getenv "ANSWER") "no")
      (progn
        (drive-wait (lambda () drive-asked) "the user was not asked")
        (with-timeout (3) (while t (accept-process-output nil 0.05)))
        (princ (with-current-buffer (messages-buffer) (buffer-string))))
    (drive-wait (lambda () (not (string-search "sorry" (buffer-string)))) "nothing was put in")
    (save-buffer)))

(pcase (getenv "SETUP")
  ("lsp-mode"
   (require 'lsp-mode)
   (setq lsp-auto-guess-root t lsp-session-file (expand-file-name "session" temporary-file-directory))
   (drive #'lsp (lambda () (lsp-feature? "textDocument/codeAction")) #'lsp-execute-code-action)
   (mapc #'lsp-workspace-shutdown (lsp-workspaces)))
  ("eglot"
   (require 'eglot)
   (drive (lambda () (call-interactively #'eglot)) #'eglot-current-server #'eglot-code-actions)
   (eglot-shutdown (eglot-current-server))))
