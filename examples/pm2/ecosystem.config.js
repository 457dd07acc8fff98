// The two processes that rollout.toml names. PM2 reads `env_staging` or `env_production` by --env.
const variables = { env_staging: { NODE_ENV: "staging" }, env_production: { NODE_ENV: "production" } };

module.exports = {
  apps: [
    { name: "app", script: "server.js", kill_timeout: 30000, ...variables },
    { name: "app-jobs", script: "jobs.js", kill_timeout: 30000, ...variables },
  ],
};
