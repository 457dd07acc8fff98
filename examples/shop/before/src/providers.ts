/**
 * The payment providers, as their sandboxes behave: the card decides what becomes of a payment.
 * A real shop has an HTTP client here; nothing else of it would change.
 */

export const PROVIDERS = ["cardia", "banka"] as const;
export type Provider = (typeof PROVIDERS)[number];
export type Capture = { result: "captured"; reference: string } | { result: "declined" };

export const CARDS = { good: "card_good", declined: "card_declined", down: "card_down" } as const;

export class ProviderError extends Error {}

export function isProvider(name: string): name is Provider {
  return (PROVIDERS as readonly string[]).includes(name);
}

/** Capture a payment. Throws a ProviderError when the provider gives no answer. */
export async function capture(provider: Provider, payment: number, card: string): Promise<Capture> {
  if (card === CARDS.down) throw new ProviderError(`${provider} gave no answer within 5 s`);
  if (card === CARDS.declined) return { result: "declined" };
  return { result: "captured", reference: `${provider}-${payment}` };
}
