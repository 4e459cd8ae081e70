// Netlify as far as an edge function sees it: node edge.mjs NETLIFY.TOML'S-FUNCTION SITE SERVICE prints its port.
// Requests go through the function; context.next() asks the service, as the proxy does that stands behind it, and
// what does not answer is a 502 of Netlify's own. Pages of the site come from the folder, with a header of the site.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [file, site, service] = process.argv.slice(2);
const { default: run } = await import(pathToFileURL(file));

const proxied = async (request, body) => {
  if (new URL(request.url).searchParams.has("break")) throw new Error("the proxy broke");
  const { pathname, search } = new URL(request.url);
  const options = { method: request.method, headers: { accept: request.headers.get("accept") ?? "" }, redirect: "manual" };
  if (body.length) options.body = body;
  return fetch(service + pathname + search, options).catch(() => new Response("Netlify says 502", { status: 502 }));
};

const answer = async (incoming) => {
  const chunks = await incoming.toArray();
  const body = Buffer.concat(chunks);
  const url = `http://127.0.0.1:${server.address().port}${incoming.url}`;
  const request = new Request(url, { method: incoming.method, headers: incoming.headers, ...(body.length && { body }) });
  if (incoming.url.startsWith("/api/")) return run(request, { next: () => proxied(request, body) });
  const page = await readFile(join(site, incoming.url, "index.html")).catch(() => null);
  const headers = { "content-type": "text/html; charset=UTF-8", "x-frame-options": "DENY", etag: '"of the page"' };
  return new Response(page ?? "no such page", { status: page ? 200 : 404, headers });
};

const server = createServer(async (incoming, outgoing) => {
  const { status, headers, ...rest } = await answer(incoming).then(async (got) => ({
    status: got.status, headers: Object.fromEntries(got.headers), body: Buffer.from(await got.arrayBuffer()),
  }));
  for (const name of ["content-encoding", "transfer-encoding", "connection", "content-length"]) delete headers[name];
  outgoing.writeHead(status, headers).end(rest.body);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
