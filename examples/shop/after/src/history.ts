/** Hours of orders and payments as the shop would have left them: the same for the same seed. */

import type { Client } from "./database.js";
import { MOST_ATTEMPTS } from "./capture.js";
import { CHANNELS, type Channel } from "./orders.js";
import { CARDS, PROVIDERS, type Provider } from "./providers.js";

const HOUR_MS = 3_600_000;
const CUSTOMERS = 200;
const LEAST_AN_HOUR = 45;
const MORE_AT_NOON = 40;
const DECLINED = 0.04;
const ERRORS = 0.006;
const RETRY_MS = 30_000;

export interface PastAttempt {
  at: Date;
  result: "captured" | "declined" | "error";
  error: string | null;
  durationMs: number;
}

export interface PastOrder {
  at: Date;
  customer: number;
  totalCents: number;
  channel: Channel;
  provider: Provider;
  attempts: PastAttempt[];
}

/** Numbers from 0 to 1 that only look random (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function attemptsOf(at: Date, provider: Provider, next: () => number, down: boolean): PastAttempt[] {
  const declined = next() < DECLINED;
  const attempts: PastAttempt[] = [];
  while (attempts.length < MOST_ATTEMPTS) {
    const lost = down || next() < ERRORS;
    attempts.push({
      at: new Date(at.getTime() + 2_000 + attempts.length * RETRY_MS),
      result: lost ? "error" : declined ? "declined" : "captured",
      error: lost ? `${provider} gave no answer within 5 s` : null,
      durationMs: lost ? 5_000 : 120 + Math.floor(next() * 400),
    });
    if (!lost) break;
  }
  return attempts;
}

/** One hour's orders, oldest first. */
export function hourOf(start: Date, seed: number, down?: Provider): PastOrder[] {
  const next = numbers(seed ^ (start.getTime() / 1_000));
  const daylight = Math.max(0, Math.sin(((start.getUTCHours() - 6) / 12) * Math.PI));
  const count = Math.round(LEAST_AN_HOUR + MORE_AT_NOON * daylight);
  return Array.from({ length: count }, (_, number) => {
    const at = new Date(start.getTime() + ((number + next()) / count) * (HOUR_MS - 120_000));
    const provider = next() < 0.6 ? PROVIDERS[0] : PROVIDERS[1];
    return {
      at,
      customer: 1 + Math.floor(next() * CUSTOMERS),
      totalCents: 500 + Math.floor(next() * 20_000),
      channel: CHANNELS[Math.floor(next() * CHANNELS.length)]!,
      provider,
      attempts: attemptsOf(at, provider, next, provider === down),
    };
  });
}

async function identities(client: Client, table: string, count: number): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>(
    "select nextval(pg_get_serial_sequence($1, 'id')) as id from generate_series(1, $2::integer)",
    [table, count],
  );
  return rows.map((row) => row.id);
}

const ORDERS = `
insert into orders (id, customer_id, total_cents, status, channel, created_at, updated_at)
overriding system value
select * from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[],
    $6::timestamptz[], $7::timestamptz[])`;
const PAYMENTS = `
insert into payments (id, order_id, provider, card, amount_cents, status, created_at, captured_at,
    provider_reference)
overriding system value
select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::text[],
    $7::timestamptz[], $8::timestamptz[], $9::text[])`;
const ATTEMPTS = `
insert into payment_attempts (payment_id, provider, result, error_message, duration_ms, created_at)
select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::integer[],
    $6::timestamptz[])`;
const SETTLEMENTS = `
insert into settlements (provider, settled_from, settled_to, payments, amount_cents, status,
    created_at)
select p, $1, $2, count(t.id), coalesce(sum(t.amount_cents), 0), 'settled', $2
from unnest($3::text[]) as p
left join payments as t on t.provider = p and t.captured_at >= $1 and t.captured_at < $2
group by p`;

/** Write one hour. The orders of an hour are settled at its end. */
export async function writeHour(client: Client, start: Date, orders: PastOrder[]): Promise<void> {
  const orderIds = await identities(client, "orders", orders.length);
  const paymentIds = await identities(client, "payments", orders.length);
  const last = orders.map((order) => order.attempts.at(-1)!);
  const paid = last.map((attempt) => attempt.result === "captured");
  const each = <T>(of: (order: PastOrder, index: number) => T): T[] => orders.map(of);
  await client.query(ORDERS, [
    orderIds,
    each((order) => order.customer),
    each((order) => order.totalCents),
    paid.map((is) => (is ? "paid" : "cancelled")),
    each((order) => order.channel),
    each((order) => order.at),
    last.map((attempt) => attempt.at),
  ]);
  await client.query(PAYMENTS, [
    paymentIds,
    orderIds,
    each((order) => order.provider),
    each(() => CARDS.good),
    each((order) => order.totalCents),
    paid.map((is) => (is ? "captured" : "failed")),
    each((order) => order.at),
    last.map((attempt, index) => (paid[index] ? attempt.at : null)),
    each((order, index) => (paid[index] ? `${order.provider}-${paymentIds[index]}` : null)),
  ]);
  const attempts = orders.flatMap((order, index) =>
    order.attempts.map((attempt) => ({ order, attempt, payment: paymentIds[index] })),
  );
  await client.query(ATTEMPTS, [
    attempts.map((one) => one.payment),
    attempts.map((one) => one.order.provider),
    attempts.map((one) => one.attempt.result),
    attempts.map((one) => one.attempt.error),
    attempts.map((one) => one.attempt.durationMs),
    attempts.map((one) => one.attempt.at),
  ]);
  await client.query(SETTLEMENTS, [start, new Date(start.getTime() + HOUR_MS), [...PROVIDERS]]);
}
