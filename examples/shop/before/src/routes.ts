/** The pages of the shop. */

import type { Config } from "./config.js";
import { type Database, missingTables } from "./database.js";
import { type Answer, type Route, type Routes, requireToken, text, wholeNumber } from "./http.js";
import { placeOrder, takePayment } from "./orders.js";

const TABLES = ["customers", "orders", "payments"];
const VERSION = "1.0.0";

export function routesOf(config: Config, database: Database): Routes {
  const health: Route = async () => {
    const missing = await missingTables(database, TABLES).catch(() => ["the database"]);
    const status = missing.length ? "degraded" : "healthy";
    return { status: missing.length ? 503 : 200, body: { status, missing } };
  };

  const version: Route = async () => ({
    status: 200,
    body: { version: VERSION, revision: config.revision },
  });

  const order: Route = async ({ body }): Promise<Answer> => {
    const id = await placeOrder(database, {
      customer: wholeNumber(body, "customer"),
      totalCents: wholeNumber(body, "total_cents"),
    });
    return { status: 201, body: { order: id } };
  };

  const payment: Route = async ({ body }) => {
    const id = await takePayment(database, {
      order: wholeNumber(body, "order"),
      provider: text(body, "provider"),
      card: text(body, "card"),
    });
    return { status: 202, body: { payment: id, status: "pending" } };
  };

  const summary: Route = async (asked) => {
    requireToken(asked, config.adminToken);
    const { rows } = await database.query(
      `select status, count(*) as orders, sum(total_cents) as total_cents
       from orders where created_at > now() - interval '24 hours' group by 1 order by 1`,
    );
    return { status: 200, body: { orders: rows } };
  };

  return new Map([
    ["GET /health", health],
    ["GET /version", version],
    ["GET /admin/orders", summary],
    ["POST /orders", order],
    ["POST /payments", payment],
  ]);
}
