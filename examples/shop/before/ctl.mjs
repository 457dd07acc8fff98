// node ctl.mjs start|stop|status service|worker
//
// Plain JavaScript, because it must work while dist/ is being built. `start` returns when the
// process says that it is ready; `stop` ends its whole process group and returns when all of it is
// gone. Both may be run twice. `status` ends with 3 when nothing runs.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const RUN = join(HERE, "run");
const NAMES = ["service", "worker"];
const READY_WITHIN_MS = 20_000;
const TERM_WITHIN_MS = 10_000;
const KILL_WITHIN_MS = 5_000;
const POLL_MS = 50;
const NOT_RUNNING = 3;

const script = (name) => join("dist", `${name}.js`);
const pidFile = (name) => join(RUN, `${name}.pid`);
const logFile = (name) => join(RUN, `${name}.log`);

function recorded(name) {
  try {
    return Number.parseInt(readFileSync(pidFile(name), "utf8"), 10) || undefined;
  } catch {
    return undefined;
  }
}

/** The living processes of the group that the pid file names; none when the number is another's. */
function group(name) {
  const leader = recorded(name);
  if (leader === undefined) return [];
  const listed = execFileSync("ps", ["-A", "-o", "pid=,pgid=,stat=,args="], { encoding: "utf8" });
  const members = listed
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((found) => found && Number(found[2]) === leader && !found[3].startsWith("Z"));
  // A later process may have been given the number of one that has ended.
  const leads = members.find((found) => Number(found[1]) === leader);
  return leads && !leads[4].includes(script(name)) ? [] : members;
}

async function gone(name, withinMs) {
  for (let waited = 0; group(name).length > 0; waited += POLL_MS) {
    if (waited >= withinMs) return false;
    await pause(POLL_MS);
  }
  return true;
}

function signal(name, number) {
  try {
    process.kill(-recorded(name), number);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

async function stop(name) {
  const ran = group(name).length > 0;
  if (ran) {
    signal(name, "SIGTERM");
    if (!(await gone(name, TERM_WITHIN_MS))) signal(name, "SIGKILL");
    if (!(await gone(name, KILL_WITHIN_MS))) throw new Error(`${name} cannot be ended`);
  }
  rmSync(pidFile(name), { force: true });
  return ran ? "stopped" : "did not run";
}

async function start(name) {
  if (group(name).length > 0) return "runs already";
  mkdirSync(RUN, { recursive: true });
  const log = openSync(logFile(name), "a");
  const child = spawn(process.execPath, [script(name)], {
    cwd: HERE,
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
  });
  writeFileSync(pidFile(name), `${child.pid}\n`);
  const ready = await new Promise((resolve) => {
    child.once("message", () => resolve(true));
    child.once("exit", () => resolve(false));
    setTimeout(resolve, READY_WITHIN_MS, false).unref();
  });
  if (!ready) {
    await stop(name);
    const said = readFileSync(logFile(name), "utf8").trimEnd().split("\n").at(-1);
    throw new Error(`${name} did not start: ${said || "it said nothing"}`);
  }
  child.disconnect();
  child.unref();
  return "started";
}

async function main([action, name]) {
  if (!["start", "stop", "status"].includes(action) || !NAMES.includes(name)) {
    throw new Error("usage: node ctl.mjs start|stop|status service|worker");
  }
  if (action === "status") {
    const runs = group(name).length > 0;
    process.exitCode = runs ? 0 : NOT_RUNNING;
    return runs ? `runs as ${recorded(name)}` : "does not run";
  }
  return action === "start" ? start(name) : stop(name);
}

try {
  const said = await main(process.argv.slice(2));
  console.log(`${process.argv[3]} ${said}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
