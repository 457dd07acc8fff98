/** npm run setup: the schema of an empty database, and customers. */

import { readFile } from "node:fs/promises";

import { readConfig } from "./config.js";
import { inTransaction, openDatabase } from "./database.js";
import { log, run } from "./lifecycle.js";

const CUSTOMERS = 200;

run(async () => {
  const database = openDatabase(readConfig().databaseUrl);
  const schema = await readFile(new URL("../db/schema.sql", import.meta.url), "utf8");
  await inTransaction(database, async (client) => {
    await client.query(schema);
    await client.query(
      `insert into customers (email, name, created_at)
       select 'customer-' || n || '@example.com', 'Customer ' || n, now() - interval '90 days'
       from generate_series(1, $1::integer) as n`,
      [CUSTOMERS],
    );
  });
  await database.end();
  log(`an empty shop with ${CUSTOMERS} customers`);
});
