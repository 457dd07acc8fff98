/** The background worker. On SIGTERM it finishes the payment at hand, and ends. */

import { setTimeout as pause } from "node:timers/promises";

import { captureNext } from "./capture.js";
import { readConfig } from "./config.js";
import { openDatabase } from "./database.js";
import { endAsked, log, ready, reason, run } from "./lifecycle.js";

const IDLE_MS = 200;

run(async () => {
  const database = openDatabase(readConfig().databaseUrl);
  const ending = endAsked();
  await database.query("select 1");
  log("the worker is ready");
  ready();
  while (!ending.aborted) {
    const found = await captureNext(database).catch((error: unknown) => {
      log(`capture: ${reason(error)}`);
      return false;
    });
    if (!found) await pause(IDLE_MS, undefined, { signal: ending }).catch(() => undefined);
  }
  await database.end();
  log("ended");
});
