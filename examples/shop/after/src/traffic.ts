/**
 * npm run traffic -- live [ORDERS] [--down]
 *     orders and payments of customers, over HTTP; with --down no provider answers
 * npm run traffic -- hours FROM HOURS [--down PROVIDER]
 *     hours of them at once, as rows; with --down that provider does not answer
 */

import { buyOverHttp } from "./buying.js";
import { readConfig } from "./config.js";
import { inTransaction, openDatabase } from "./database.js";
import { hourOf, writeHour } from "./history.js";
import { log, run } from "./lifecycle.js";
import { CARDS, type Provider, isProvider } from "./providers.js";

const HOUR_MS = 3_600_000;
const SEED = 1;
const USAGE = "usage: npm run traffic -- live [ORDERS] [--down] | hours FROM HOURS [--down PROVIDER]";

async function live(words: string[]): Promise<void> {
  const down = words.includes("--down");
  const [count = "20"] = words.filter((word) => word !== "--down");
  const card = down ? CARDS.down : undefined;
  await buyOverHttp(`http://127.0.0.1:${readConfig().port}`, Number(count), card);
  log(`${count} orders were placed`);
}

async function hours([from, count, flag, named]: string[]): Promise<void> {
  const start = Date.parse(from ?? "");
  const down: Provider | undefined = named && isProvider(named) ? named : undefined;
  if (Number.isNaN(start) || !(Number(count) > 0) || (flag && !down)) throw new Error(USAGE);
  const database = openDatabase(readConfig().databaseUrl);
  let orders = 0;
  await inTransaction(database, async (client) => {
    for (let hour = 0; hour < Number(count); hour += 1) {
      const at = new Date(start + hour * HOUR_MS);
      const made = hourOf(at, SEED, down);
      await writeHour(client, at, made);
      orders += made.length;
    }
  });
  await database.end();
  log(`${orders} orders in ${count} hours from ${new Date(start).toISOString()}`);
}

run(async () => {
  const [command, ...words] = process.argv.slice(2);
  if (command === "live") await live(words);
  else if (command === "hours") await hours(words);
  else throw new Error(USAGE);
});
