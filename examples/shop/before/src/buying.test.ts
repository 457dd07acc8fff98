import assert from "node:assert/strict";
import { test } from "node:test";

import { purchase } from "./buying.js";
import { CARDS } from "./providers.js";

test("the same number buys the same", () => {
  assert.deepEqual(purchase(42), purchase(42));
});

test("one card in 25 is declined", () => {
  const cards = Array.from({ length: 100 }, (_, number) => purchase(number).card);
  assert.equal(cards.filter((card) => card === CARDS.declined).length, 4);
});
