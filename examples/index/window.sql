-- An index for the gate, only where its hours cost too much: docs/performance.md says what it costs.
-- Run it by hand, outside a transaction, or as a migration of your own; gonogo never makes it.
-- Index-only scans need a visibility map: vacuum afterwards, and let autovacuum follow inserts.
create index concurrently if not exists idx_sync_metrics_executed
    on sync_metrics (created_at)
    include (user_id, integration_type, result, duration_ms)
    where result <> 'skipped';
