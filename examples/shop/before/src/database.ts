/** The pool of connections, and transactions on it. */

import pg from "pg";

export type Database = pg.Pool;
export type Client = pg.PoolClient;

// bigint arrives as a number: no identity of a shop reaches 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export function openDatabase(connectionString: string): Database {
  const pool = new pg.Pool({
    connectionString,
    application_name: "shop",
    max: 8,
    connectionTimeoutMillis: 3_000,
    statement_timeout: 10_000,
    lock_timeout: 5_000,
  });
  // A connection that the server ends while it is idle is replaced by the next query.
  pool.on("error", (error) => console.error(`idle connection: ${error.message}`));
  return pool;
}

export async function inTransaction<T>(
  database: Database,
  body: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await database.connect();
  try {
    await client.query("begin");
    const result = await body(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** Those of `tables` that the database does not have. */
export async function missingTables(database: Database, tables: string[]): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    "select name from unnest($1::text[]) as name where to_regclass(name) is null order by name",
    [tables],
  );
  return rows.map((row) => row.name);
}
