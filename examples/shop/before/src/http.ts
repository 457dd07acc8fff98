/** Requests, answers, and what every route shares. No route knows about sockets. */

import { timingSafeEqual } from "node:crypto";

export interface Asked {
  method: string;
  path: string;
  authorization: string;
  body: unknown;
}

export interface Answer {
  status: number;
  body: unknown;
}

export type Route = (asked: Asked) => Promise<Answer>;
export type Routes = ReadonlyMap<string, Route>;

/** Thrown by a route that refuses a request. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The answer of the route for `METHOD /path`; 404 without one, 503 when the route fails. */
export async function dispatch(routes: Routes, asked: Asked): Promise<Answer> {
  const route = routes.get(`${asked.method} ${asked.path}`);
  if (!route) return { status: 404, body: { error: "there is no such page" } };
  try {
    return await route(asked);
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: { error: error.message } };
    console.error(`${asked.method} ${asked.path}: ${String(error)}`);
    return { status: 503, body: { error: "the shop cannot answer now" } };
  }
}

/** Refuse a request without the administrator's token: 401 without any, 403 with another. */
export function requireToken(asked: Asked, token: string): void {
  const given = /^Bearer (.+)$/i.exec(asked.authorization)?.[1];
  if (given === undefined) throw new Refusal(401, "a bearer token is needed");
  const [ours, theirs] = [Buffer.from(token), Buffer.from(given)];
  const same = ours.length === theirs.length && timingSafeEqual(ours, theirs);
  if (!token || !same) throw new Refusal(403, "this token does not open it");
}

/** A member of a JSON body. */
export function member(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}

export function wholeNumber(body: unknown, name: string): number {
  const value = member(body, name);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) {
    throw new Refusal(400, `${name} must be a whole number from 1 on`);
  }
  return value;
}

export function text(body: unknown, name: string): string {
  const value = member(body, name);
  if (typeof value !== "string" || !value.trim()) throw new Refusal(400, `${name} is missing`);
  return value.trim();
}
