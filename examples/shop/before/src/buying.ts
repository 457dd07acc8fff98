/** Customers who buy over HTTP: the same ones in the same order each time. */

import { CARDS, PROVIDERS } from "./providers.js";

const CUSTOMERS = 200;
// Every 25th card is declined.
const DECLINED_EVERY = 25;

export interface Purchase {
  customer: number;
  totalCents: number;
  provider: string;
  card: string;
}

/** The purchase of a number; `card` replaces what its customer would pay with. */
export function purchase(number: number, card?: string): Purchase {
  const declined = number % DECLINED_EVERY === DECLINED_EVERY - 1;
  return {
    customer: 1 + (number % CUSTOMERS),
    totalCents: 500 + ((number * 737) % 20_000),
    provider: PROVIDERS[number % PROVIDERS.length]!,
    card: card ?? (declined ? CARDS.declined : CARDS.good),
  };
}

async function post(url: string, body: object): Promise<Record<string, number>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered HTTP ${response.status}`);
  return (await response.json()) as Record<string, number>;
}

export async function buyOverHttp(baseUrl: string, count: number, card?: string): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const { customer, totalCents, ...payment } = purchase(number, card);
    const { order } = await post(`${baseUrl}/orders`, { customer, total_cents: totalCents });
    await post(`${baseUrl}/payments`, { order, ...payment });
  }
}
