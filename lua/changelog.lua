-- The history of the tool, newest first: what `tool changelog` answers and CHANGELOG.md shows (REQ-O-029).
-- Promise: CHANGELOG.md follows from this table, and a test compares them. A version without a date is not released yet.
-- A change that an earlier caller could notice stands in `removed` or `changed`, which makes the version breaking.

return {
  {
    version = "0.1.0",
    added = {
      "The host: supervisor and worker, contracts, validation, formats, redaction, limits, confinement",
      "Commands about the tool: manifest, manifest diff, check, check-permissions, doctor, status, completion, changelog",
      "For authors: new, check with places and fixes, check fix, test, dev, types, docs; suites from OpenAPI documents",
      "Commands about its state: config, audit-log, cleanup; --instance-id keeps all state apart",
      "Commands for agents: generate-skills, mcp-validate; AGENTS.md, made from the contracts",
      "The suite sentryagent, also a program of its own, and the plugin emulator with that service",
      "Dialects: a suite's own program can have its own envelope, texts, flags and exit codes",
      "The suite openproxy, also a program of its own: usage, logs, quota, chat, provider logins, schemas",
      "The emulator of openproxy: usage, log, chat by rules or by a real service, logins, streams",
      "Faults on request in the emulators, on the command line and while they run; `tool emulator list`",
      "The emulator of minitower, which really runs what is deployed; programs can be followed while they run (ctx.start)",
      "`tool exec` runs one command per line of JSON, each by itself, many thousand a second",
      "The suite minitower, also as minitower-cli: profiles, apps, versions, deploy, runs, logs, tokens, with Tower's names",
      "Archives for commands that declare them: ctx.archive packs, lists, reads and unpacks tar files",
      "Plugins and custom commands: found in several places, checked before they run, trusted by content; hooks",
      "The sandbox confines reading, TCP ports, signals and resources too, and programs more narrowly than the command",
      "`tool plugin explain`, `tool sandbox run`; contract keys network.hosts, network.unix, runs.alone, limits",
      "tool plugin install, update, rollback, remove, list, info, verify and trust; signatures of minisign",
      "The manifest comes in pages where one answer cannot hold it: manifest --limit, --cursor",
      "Followed logs and usage of openproxy live through breaks; uploads say how far they are; ui.write continues a line",
      "Dialects: one_dash, piped and defaults, for flags and questions of other programs; limits.tmp for a run's own directory",
      "./bootstrap with demo, test, build and bench; installation, man pages, completions, a Debian package",
    },
    removed = {},
    changed = {},
  },
}
