import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_ATTEMPTS, settled } from "./capture.js";

test("an order is paid when its payment is captured", () => {
  assert.deepEqual(settled("captured", 1), ["captured", "paid"]);
});

test("a declined card is not tried again", () => {
  assert.deepEqual(settled("declined", 1), ["failed", "cancelled"]);
});

test("a provider without an answer is tried again, but not for ever", () => {
  assert.equal(settled("error", 1), undefined);
  assert.deepEqual(settled("error", MOST_ATTEMPTS), ["failed", "cancelled"]);
});
