/** npm run traffic -- live [ORDERS]: orders and payments of customers, over HTTP. */

import { readConfig } from "./config.js";
import { log, run } from "./lifecycle.js";
import { buyOverHttp } from "./buying.js";

run(async () => {
  const [command, count = "20"] = process.argv.slice(2);
  if (command !== "live") throw new Error("usage: npm run traffic -- live [ORDERS]");
  const { port } = readConfig();
  await buyOverHttp(`http://127.0.0.1:${port}`, Number(count));
  log(`${count} orders were placed`);
});
