/** What the environment says; the only place that reads it. */

export interface Config {
  databaseUrl: string;
  port: number;
  revision: string;
  adminToken: string;
}

function needed(environment: NodeJS.ProcessEnv, name: string): string {
  const text = environment[name]?.trim();
  if (!text) throw new Error(`${name} is not set`);
  return text;
}

export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const port = Number(environment["PORT"] ?? "3000");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error("PORT is not a port");
  return {
    databaseUrl: needed(environment, "DATABASE_URL"),
    port,
    revision: environment["SHOP_REVISION"]?.trim() || "unknown",
    adminToken: environment["SHOP_ADMIN_TOKEN"]?.trim() ?? "",
  };
}
