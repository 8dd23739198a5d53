// Starts `leansieve lsp` for Lean files; all else is the language client's.
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
