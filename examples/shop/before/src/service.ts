/** The HTTP service. On SIGTERM it answers what is under way, and ends. */

import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";

import { readConfig } from "./config.js";
import { openDatabase } from "./database.js";
import { type Answer, type Routes, dispatch } from "./http.js";
import { endAsked, log, ready, run } from "./lifecycle.js";
import { routesOf } from "./routes.js";

const MOST_BYTES = 64 * 1024;

async function readBody(request: IncomingMessage): Promise<unknown> {
  let content = "";
  for await (const chunk of request.setEncoding("utf8")) {
    content += String(chunk);
    if (content.length > MOST_BYTES) return undefined;
  }
  try {
    return content ? JSON.parse(content) : undefined;
  } catch {
    return undefined;
  }
}

async function answer(routes: Routes, request: IncomingMessage): Promise<Answer> {
  const [path = "/"] = (request.url ?? "/").split("?");
  return dispatch(routes, {
    method: request.method ?? "GET",
    path,
    authorization: request.headers.authorization ?? "",
    body: await readBody(request),
  });
}

function send(response: ServerResponse, { status, body }: Answer, revision: string): void {
  response
    .writeHead(status, { "content-type": "application/json", "x-shop-revision": revision })
    .end(JSON.stringify(body));
}

run(async () => {
  const config = readConfig();
  const ending = endAsked();
  const database = openDatabase(config.databaseUrl);
  const routes = routesOf(config, database);
  const server = createServer((request, response) => {
    answer(routes, request)
      .then((found) => send(response, found, config.revision))
      .catch(() => response.destroy());
  });
  server.listen(config.port, "127.0.0.1");
  await once(server, "listening");
  log(`revision ${config.revision} listens on port ${config.port}`);
  ready();
  if (!ending.aborted) await once(ending, "abort");
  server.close();
  server.closeIdleConnections();
  await once(server, "close");
  await database.end();
  log("ended");
});
