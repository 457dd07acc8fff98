import assert from "node:assert/strict";
import { test } from "node:test";

import { hourOf } from "./history.js";

const START = new Date("2026-11-20T12:00:00Z");

test("the same hour of the same seed is the same", () => {
  assert.deepEqual(hourOf(START, 1), hourOf(START, 1));
  assert.notDeepEqual(hourOf(START, 1), hourOf(START, 2));
});

test("every order and attempt lies within its hour", () => {
  const end = START.getTime() + 3_600_000;
  for (const order of hourOf(START, 1)) {
    for (const at of [order.at, ...order.attempts.map((attempt) => attempt.at)]) {
      assert.ok(at >= START && at.getTime() < end);
    }
  }
});

test("a provider that is down answers nobody; the other one goes on", () => {
  const attempts = hourOf(START, 1, "banka").flatMap((order) =>
    order.attempts.map((attempt) => ({ provider: order.provider, result: attempt.result })),
  );
  assert.ok(attempts.every((one) => one.provider === "cardia" || one.result === "error"));
  assert.ok(attempts.some((one) => one.provider === "cardia" && one.result === "captured"));
});
