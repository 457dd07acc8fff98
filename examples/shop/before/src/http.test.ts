import assert from "node:assert/strict";
import { test } from "node:test";

import { type Asked, Refusal, dispatch, requireToken, wholeNumber } from "./http.js";

const asked: Asked = { method: "GET", path: "/", authorization: "", body: undefined };

test("a path without a route is not found", async () => {
  assert.equal((await dispatch(new Map(), asked)).status, 404);
});

test("a refusal keeps its status, any other failure is 503", async () => {
  const refuse = new Map([["GET /", () => Promise.reject(new Refusal(422, "no"))]]);
  assert.equal((await dispatch(refuse, asked)).status, 422);
  const fail = new Map([["GET /", () => Promise.reject(new Error("lost"))]]);
  assert.equal((await dispatch(fail, asked)).status, 503);
});

test("a token that is missing, wrong or not configured opens nothing", () => {
  const refused = (status: number) => (error: unknown) =>
    error instanceof Refusal && error.status === status;
  const bearing = (token: string): Asked => ({ ...asked, authorization: `Bearer ${token}` });
  assert.throws(() => requireToken(asked, "secret"), refused(401));
  assert.throws(() => requireToken(bearing("guess"), "secret"), refused(403));
  assert.throws(() => requireToken(bearing(" "), ""), refused(403));
  requireToken(bearing("secret"), "secret");
});

test("a number that is no whole number from 1 on is refused", () => {
  for (const total of [0, -1, 1.5, "7", undefined]) {
    assert.throws(() => wholeNumber({ total }, "total"), Refusal);
  }
  assert.equal(wholeNumber({ total: 7 }, "total"), 7);
});
