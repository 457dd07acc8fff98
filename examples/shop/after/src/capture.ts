/** The worker's first job: capture the payments that are pending. Each attempt leaves a row. */

import { type Database, inTransaction } from "./database.js";
import { reason } from "./lifecycle.js";
import { type Provider, capture } from "./providers.js";

export const MOST_ATTEMPTS = 3;
const RETRY_AFTER_S = 2;

interface Pending {
  id: number;
  order_id: number;
  provider: Provider;
  card: string;
  attempts: number;
}

interface Attempt {
  result: "captured" | "declined" | "error";
  reference?: string;
  error?: string;
  durationMs: number;
}

const NEXT = `
select p.id, p.order_id, p.provider, p.card,
    (select count(*) from payment_attempts as a where a.payment_id = p.id) as attempts
from payments as p
where p.status = 'pending'
    and not exists (
        select from payment_attempts as a
        where a.payment_id = p.id and a.created_at > now() - make_interval(secs => $1)
    )
order by p.id limit 1 for update of p skip locked`;

async function attempted(payment: Pending): Promise<Attempt> {
  const began = performance.now();
  const tried = await capture(payment.provider, payment.id, payment.card).catch(
    (error: unknown) => ({ result: "error" as const, error: reason(error) }),
  );
  return { ...tried, durationMs: Math.round(performance.now() - began) };
}

/** What a payment and its order are after an attempt; undefined while it may be tried again. */
export function settled(result: Attempt["result"], attempts: number): [string, string] | undefined {
  if (result === "captured") return ["captured", "paid"];
  return result === "declined" || attempts >= MOST_ATTEMPTS ? ["failed", "cancelled"] : undefined;
}

/** Try the oldest payment that is due; false when there is none. */
export async function captureNext(database: Database): Promise<boolean> {
  return inTransaction(database, async (client) => {
    const { rows } = await client.query<Pending>(NEXT, [RETRY_AFTER_S]);
    const payment = rows[0];
    if (!payment) return false;
    const attempt = await attempted(payment);
    await client.query(
      `insert into payment_attempts (payment_id, provider, result, error_message, duration_ms)
       values ($1, $2, $3, $4, $5)`,
      [payment.id, payment.provider, attempt.result, attempt.error ?? null, attempt.durationMs],
    );
    const end = settled(attempt.result, payment.attempts + 1);
    if (end) {
      await client.query(
        `update payments set status = $2, provider_reference = $3,
             captured_at = case when $2 = 'captured' then now() end
         where id = $1`,
        [payment.id, end[0], attempt.reference ?? null],
      );
      await client.query("update orders set status = $2, updated_at = now() where id = $1", [
        payment.order_id,
        end[1],
      ]);
    }
    return true;
  });
}
