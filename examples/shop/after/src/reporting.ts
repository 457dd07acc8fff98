/** Tells gonogo's ledger how a job went: a failure leaves no row in the shop's own tables. */

import type { Database } from "./database.js";
import { log, reason } from "./lifecycle.js";

const REPORT = `
insert into gonogo.job_run (job_name, started_at, finished_at, succeeded, error)
values ($1, $2, $3, $4, $5)`;

/** Run a job, and report it. A run that cannot be reported has run all the same. */
export async function reported(
  database: Database,
  name: string,
  job: () => Promise<unknown>,
): Promise<void> {
  const startedAt = new Date();
  const error = await job().then(() => null, reason);
  if (error !== null) log(`${name}: ${error}`);
  await database
    .query(REPORT, [name, startedAt, new Date(), error === null, error])
    .catch((unreported: unknown) => log(`${name} is not reported: ${reason(unreported)}`));
}
