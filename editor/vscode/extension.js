// Starts `leansieve lsp` for Lean files; the language client does everything else.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const settings = vscode.workspace.getConfiguration("leansieve");
  const server = { command: settings.get("command"), args: settings.get("arguments") };
  const documentSelector = [
    { scheme: "file", language: "lean4" },
    { scheme: "file", language: "lean" },
  ];
  client = new LanguageClient("leansieve", "leansieve", server, { documentSelector });
  return client.start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
