--- `tool exec`: many calls in one process, one JSON object per line (REQ-O-050).
-- Promise: each line is a run of its own, with its own state, deadline, confinement, answer and audit line; what one line
-- does to its worker no other line sees. The lines themselves are read by the supervisor, which runs no Lua.

return {
  about = "Run many commands, one JSON line each, and answer each with one line",
  danger = "safe", scopes = {}, framework = true, dispatches = true, since = "0.1",
  stdin = { required = false }, stream = "default", timeout = 0,
  args = {
    { "ignore-errors", "boolean", "Go on after a line that failed" },
  },
  returns = { list = {
    ok = "boolean", data = "any!", error = "any!", warnings = { list = "string" }, meta = { map = "any" },
  } },
  exits = {
    SUCCESS = "Every line succeeded", GENERAL_ERROR = "A line failed; its answer says why",
    ARG_ERROR = "No line was a request; nothing was done",
  },
  errors = {
    DISPATCH_PARSE_ERROR = "ARG_ERROR", STDIN_TOO_LARGE = "ARG_ERROR", INPUT_REQUIRED = "PRECONDITION",
    NOT_FOUND = "NOT_FOUND", IS_A_DIRECTORY = "PRECONDITION",
  },
  examples = {
    { "One call", [[echo '{"_cmd":"status"}' | tool exec]] },
    { "Two calls that change nothing", [[printf '{"_cmd":"status"}\n{"_cmd":"changelog"}\n' | tool exec --dry-run]] },
  },
  run = function(args, ctx) ctx.framework.dispatch(args) end,
}
