// node serve.mjs FOLDER [PORT]: this page and, under /model/, an exported folder, on loopback.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const [folder, port = "8000"] = process.argv.slice(2);
if (!folder) {
  console.error("usage: node serve.mjs FOLDER [PORT], FOLDER being models/exported/students/<student>");
  process.exit(1);
}
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json",
  ".wasm": "application/wasm" };

function place(path) {
  const [root, rest] = path.startsWith("/model/") ? [folder, path.slice(7)] : [fileURLToPath(new URL(".", import.meta.url)), path.slice(1)];
  const file = resolve(root, rest || "index.html");
  return file.startsWith(resolve(root) + sep) && statSync(file, { throwIfNoEntry: false })?.isFile() ? file : null;
}

const server = createServer((request, response) => {
  const file = place(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  if (!file) return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream",
    "Content-Length": statSync(file).size });
  createReadStream(file).pipe(response);
});
server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
