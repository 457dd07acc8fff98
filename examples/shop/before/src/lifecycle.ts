/** How a process of the shop begins and ends. */

/** Tell whoever started this process (ctl.mjs) that it is ready for work. */
export function ready(): void {
  process.send?.("ready");
  if (process.connected) process.disconnect();
}

/** A signal that is aborted when the process is asked to end. */
export function endAsked(): AbortSignal {
  const asked = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => asked.abort());
  return asked.signal;
}

export function log(message: string): void {
  console.log(`${new Date().toISOString()} ${message}`);
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** Run a program's body; what it throws is one line of the log and exit code 1. */
export function run(body: () => Promise<void>): void {
  body().catch((error: unknown) => {
    console.error(reason(error));
    process.exitCode = 1;
  });
}
