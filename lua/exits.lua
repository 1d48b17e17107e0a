--- The exit codes and the framework's own error codes.
-- Promise: one place says what each number means and what each framework error says by default; nothing here
-- depends on a command. Sources: exit-code.json, REQ-F-001, REQ-F-069, REQ-C-001, REQ-C-014.

local exits = {}

--- Name of each standard code; exits.names[0] is "SUCCESS".
exits.names = {
  [0] = "SUCCESS", "GENERAL_ERROR", "ARG_ERROR", "PARTIAL_FAILURE", "PRECONDITION", "NOT_FOUND", "CONFLICT",
  "PERMISSION_DENIED", "AUTH_REQUIRED", "PAYMENT_REQUIRED", "TIMEOUT", "RATE_LIMITED", "UNAVAILABLE", "REDIRECTED",
}

--- Number of each standard name.
exits.numbers = {}
for number = 0, 13 do exits.numbers[exits.names[number]] = number end

local function entry(name, description, retryable, side_effects)
  return { name = name, description = description, retryable = retryable, side_effects = side_effects }
end

--- Default entry of each standard code (and of the two signal codes): {name, description, retryable, side_effects}.
-- SUCCESS and TIMEOUT differ for safe commands: see exits.entry. These tables are shared; copy before changing.
exits.defaults = {
  [0] = entry("SUCCESS", "The operation completed as intended", false, "complete"),
  entry("GENERAL_ERROR", "The command failed for a reason without a code of its own", false, "partial"),
  entry("ARG_ERROR", "The input is invalid; nothing was done", false, "none"),
  entry("PARTIAL_FAILURE", "The operation started but did not complete", false, "partial"),
  entry("PRECONDITION", "A precondition does not hold; nothing was done", false, "none"),
  entry("NOT_FOUND", "The addressed resource does not exist", false, "none"),
  entry("CONFLICT", "The resource already exists or its version differs", false, "none"),
  entry("PERMISSION_DENIED", "The caller is known but may not do this", false, "none"),
  entry("AUTH_REQUIRED", "Credentials are missing, invalid or expired", false, "none"),
  entry("PAYMENT_REQUIRED", "A payment is required first", false, "none"),
  entry("TIMEOUT", "The time limit passed before the end; some work may be done", false, "partial"),
  entry("RATE_LIMITED", "The service refused because of too many calls", true, "none"),
  entry("UNAVAILABLE", "The service did not answer; nothing was changed", true, "none"),
  entry("REDIRECTED", "The command or flag has moved; error.redirect names its place", false, "none"),
  [130] = entry("CANCELLED_SIGINT", "Cancelled by SIGINT before completion", false, "partial"),
  [143] = entry("CANCELLED_SIGTERM", "Cancelled by SIGTERM before completion", false, "partial"),
}

local SAFE = {
  [0] = entry("SUCCESS", "The answer is complete", false, "none"),
  [10] = entry("TIMEOUT", "The time limit passed before the answer was complete", true, "none"),
}

--- The default entry of a code for a command of this danger level; a shared table.
function exits.entry(number, danger)
  return danger == "safe" and SAFE[number] or exits.defaults[number]
end

--- Codes that the host may produce in every command.
exits.implied = { 1, 2, 4, 10, 130, 143 }

--- Exits whose cause the caller can correct: their errors carry fix_required.
exits.correctable = { [2] = true, [4] = true, [8] = true, [9] = true, [13] = true }

--- Default wait before a retry in ms (REQ-C-014), for codes that are retryable.
exits.retry_after_ms = { [10] = 1000, [11] = 60000, [12] = 1000 }

--- Every error code that the framework itself raises: CODE -> { exit = NAME, message, fix, hint }; loaded when first asked
--- for one, since most runs raise none.
exits.codes = require("lazy") "error_codes"

return exits
