/** The worker's job: capture the payments that are pending. Each is tried once. */

import { type Database, inTransaction } from "./database.js";
import { log, reason } from "./lifecycle.js";
import { type Provider, capture } from "./providers.js";

interface Pending {
  id: number;
  order_id: number;
  provider: Provider;
  card: string;
}

/** Capture the oldest pending payment; false when there is none. */
export async function captureNext(database: Database): Promise<boolean> {
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<Pending>(
      `select id, order_id, provider, card from payments
       where status = 'pending' order by id limit 1 for update skip locked`,
    );
    const payment = rows[0];
    if (!payment) return false;
    const captured = await capture(payment.provider, payment.id, payment.card).catch(
      (error: unknown) => {
        log(`payment ${payment.id}: ${reason(error)}`);
        return { result: "error" } as const;
      },
    );
    const paid = captured.result === "captured";
    await client.query("update payments set status = $2 where id = $1", [
      payment.id,
      paid ? "captured" : "failed",
    ]);
    await client.query("update orders set status = $2, updated_at = now() where id = $1", [
      payment.order_id,
      paid ? "paid" : "cancelled",
    ]);
    return true;
  });
}
