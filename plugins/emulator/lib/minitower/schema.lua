-- The tables of the minitower emulator.

return {
  [[
  CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE team(id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, salt TEXT NOT NULL,
                    password_hash TEXT, created_ms INTEGER NOT NULL);
  CREATE TABLE token(id INTEGER PRIMARY KEY, team_id INTEGER NOT NULL REFERENCES team(id), hash TEXT NOT NULL UNIQUE,
                     name TEXT, role TEXT NOT NULL CHECK(role IN ('admin', 'member')), created_ms INTEGER NOT NULL,
                     revoked_ms INTEGER);
  CREATE TABLE app(id INTEGER PRIMARY KEY, team_id INTEGER NOT NULL REFERENCES team(id), slug TEXT NOT NULL,
                   description TEXT, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, UNIQUE(team_id, slug));
  CREATE TABLE version(id INTEGER PRIMARY KEY, app_id INTEGER NOT NULL REFERENCES app(id), version_no INTEGER NOT NULL,
                       entrypoint TEXT NOT NULL, timeout_seconds INTEGER, params_schema TEXT, sha256 TEXT NOT NULL,
                       towerfile TEXT, import_paths TEXT, created_ms INTEGER NOT NULL, UNIQUE(app_id, version_no));
  CREATE TABLE artifact(version_id INTEGER PRIMARY KEY REFERENCES version(id), bytes BLOB NOT NULL);
  CREATE TABLE run(id INTEGER PRIMARY KEY, team_id INTEGER NOT NULL REFERENCES team(id),
                   app_id INTEGER NOT NULL REFERENCES app(id), run_no INTEGER NOT NULL,
                   version_id INTEGER NOT NULL REFERENCES version(id), environment TEXT NOT NULL, status TEXT NOT NULL,
                   input TEXT, priority INTEGER NOT NULL, max_retries INTEGER NOT NULL CHECK(max_retries >= 0),
                   retry_count INTEGER NOT NULL DEFAULT 0, cancel_requested INTEGER NOT NULL DEFAULT 0,
                   queued_ms INTEGER NOT NULL, started_ms INTEGER, finished_ms INTEGER, UNIQUE(app_id, run_no));
  CREATE INDEX run_queue ON run(status, environment, priority DESC, queued_ms, id);
  CREATE INDEX run_of_team ON run(team_id, status, queued_ms);
  CREATE TABLE runner(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, environment TEXT NOT NULL, hash TEXT NOT NULL,
                      last_seen_ms INTEGER);
  CREATE TABLE attempt(id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run(id), attempt_no INTEGER NOT NULL,
                       runner_id INTEGER NOT NULL REFERENCES runner(id), status TEXT NOT NULL, hash TEXT NOT NULL,
                       expires_ms INTEGER NOT NULL, exit_code INTEGER, error_message TEXT, UNIQUE(run_id, attempt_no));
  CREATE INDEX attempt_by_status ON attempt(status, expires_ms);
  CREATE TABLE log(attempt_id INTEGER NOT NULL REFERENCES attempt(id), seq INTEGER NOT NULL, stream TEXT NOT NULL,
                   line TEXT NOT NULL, logged_ms INTEGER NOT NULL, PRIMARY KEY(attempt_id, seq)) WITHOUT ROWID;
  ]],
}
