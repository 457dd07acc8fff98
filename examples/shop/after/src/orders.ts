/** What the shop does with orders and payments. */

import { type Database, inTransaction } from "./database.js";
import { Refusal, member } from "./http.js";
import { isProvider } from "./providers.js";

const FOREIGN_KEY_VIOLATION = "23503";

export const CHANNELS = ["web", "app", "phone"] as const;
export type Channel = (typeof CHANNELS)[number];

/** Where an order comes from; the clients of version 1 do not say, and are on the web. */
export function channelOf(body: unknown): Channel {
  const named = member(body, "channel") ?? "web";
  const known = CHANNELS.find((channel) => channel === named);
  if (!known) throw new Refusal(422, `channel is one of ${CHANNELS.join(", ")}`);
  return known;
}

export async function placeOrder(
  database: Database,
  order: { customer: number; totalCents: number; channel: Channel },
): Promise<number> {
  try {
    const { rows } = await database.query<{ id: number }>(
      `insert into orders (customer_id, total_cents, channel) values ($1, $2, $3) returning id`,
      [order.customer, order.totalCents, order.channel],
    );
    return rows[0]!.id;
  } catch (error) {
    const unknown = (error as { code?: string }).code === FOREIGN_KEY_VIOLATION;
    throw unknown ? new Refusal(422, "there is no such customer") : error;
  }
}

/** Take a payment for an order; the worker captures it. */
export async function takePayment(
  database: Database,
  payment: { order: number; provider: string; card: string },
): Promise<number> {
  if (!isProvider(payment.provider)) throw new Refusal(422, "there is no such provider");
  return inTransaction(database, async (client) => {
    const { rows: orders } = await client.query<{ total_cents: number }>(
      "select total_cents from orders where id = $1 and status = 'placed' for update",
      [payment.order],
    );
    const order = orders[0];
    if (!order) throw new Refusal(422, "there is no such unpaid order");
    const { rows } = await client.query<{ id: number }>(
      `insert into payments (order_id, provider, card, amount_cents)
       values ($1, $2, $3, $4) returning id`,
      [payment.order, payment.provider, payment.card, order.total_cents],
    );
    return rows[0]!.id;
  });
}
