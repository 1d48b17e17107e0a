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

local function code(exit, message, fix, hint)
  return { exit = exit, message = message, fix = fix, hint = hint }
end

local RERUN_INPUT = "Correct the named parameters, then call again"

--- Every error code that the framework itself raises: CODE -> { exit = NAME, message, fix, hint }.
-- A message given where the error is raised wins over the default.
exits.codes = {
  -- input (2)
  ARG_ERROR = code("ARG_ERROR", "The arguments are invalid.", RERUN_INPUT),
  INPUT_PARAM_INVALID = code("ARG_ERROR", "A parameter is invalid.", RERUN_INPUT),
  INVALID_AGENT_INPUT = code("ARG_ERROR", "A parameter holds a pattern that no identifier has.",
    "Pass a literal identifier"),
  INVALID_ENVIRONMENT = code("ARG_ERROR", "An environment variable is invalid.",
    "Correct or unset the named variable"),
  INVALID_JSON = code("ARG_ERROR", "The value is not JSON.", "Send error.corrected_input, if it says what you meant"),
  INVALID_CURSOR = code("ARG_ERROR", "The cursor is invalid or belongs to another query.",
    "Start again without --cursor"),
  EMPTY_STDIN = code("ARG_ERROR", "Standard input is empty.", "Write the value to standard input"),
  STDIN_TOO_LARGE = code("ARG_ERROR", "Standard input holds too many bytes.",
    "Pass the payload with --input-file", "Save the input to disk and pass --input-file <path>"),
  FIELD_TOO_LARGE = code("ARG_ERROR", "A value is longer than its field allows.", "Shorten the value"),
  CONFIRMATION_REQUIRED = code("ARG_ERROR", "This command destroys data and needs an explicit confirmation.",
    "Pass --confirm-destructive, or --dry-run to see what would go"),
  COMMAND_NOT_FOUND = code("ARG_ERROR", "There is no such command.", "Use a command that `manifest` lists"),
  DISPATCH_PARSE_ERROR = code("ARG_ERROR", "The line is not a dispatch request.",
    'Send one JSON object with "_cmd" per line'),
  REGISTRATION_ERROR = code("ARG_ERROR", "The contract is refused.", "Correct the listed problems"),
  SCHEMA_VERSION_UNSUPPORTED = code("ARG_ERROR", "That schema version is no longer served.",
    "Ask for a version that the command still serves"),
  CONFIG_INVALID = code("ARG_ERROR", "A configuration file is invalid.", "Correct the named file"),
  CONTEXT_NOT_FOUND = code("ARG_ERROR", "The configuration has no such context.",
    "Name a context of the configuration, or leave --context out"),
  -- preconditions (4)
  NOT_CONFIGURED = code("PRECONDITION", "The command is not configured.", "Configure it first"),
  INPUT_REQUIRED = code("PRECONDITION", "The command has a question and nobody can answer.",
    "Pass the answer as a flag", "Pass --yes to confirm without a question"),
  NO_TTY = code("PRECONDITION", "This needs a terminal.", "Run it on a terminal, or use the flags instead"),
  EDITOR_REQUIRED = code("PRECONDITION", "An editor cannot open without a terminal.",
    "Pass the text as a parameter"),
  REPL_MODE_PROHIBITED = code("PRECONDITION", "An interactive shell cannot start without a terminal.",
    "Name a subcommand"),
  COMMAND_REJECTED = code("PRECONDITION", "The command's contract was refused.",
    "Correct the command file, or remove it"),
  NOT_IMPLEMENTED = code("PRECONDITION", "This is declared but not available here.",
    "Use another command"),
  LOCK_HELD = code("PRECONDITION", "Another run holds the lock."),
  DEPENDENCY_MISSING = code("PRECONDITION", "A required program is missing or too old.",
    "Install the named program", "`tool doctor` lists what is missing"),
  INIT_REQUIRED = code("PRECONDITION", "This command needs a prepared environment.", "Prepare the environment once"),
  FILE_TOO_LARGE = code("PRECONDITION", "The file is larger than the command reads.", "Use a smaller file"),
  NOT_A_DIRECTORY = code("PRECONDITION", "The path is not a directory.", "Name a directory"),
  IS_A_DIRECTORY = code("PRECONDITION", "The path is a directory.", "Name a file"),
  SYMLINK_LOOP = code("PRECONDITION", "A symbolic link leads back to a parent directory.",
    "Remove the link or pass --no-follow-symlinks"),
  DEPTH_EXCEEDED = code("PRECONDITION", "The tree is deeper than --max-depth.", "Raise --max-depth"),
  ACCESS_UNDECLARED = code("PRECONDITION", "The command did not declare this access.",
    "Declare it in the command's contract"),
  JOB_FAILED = code("PRECONDITION", "The job failed.", "Read data, correct the cause, start a new job"),
  JOB_CANCELLED = code("PRECONDITION", "The job was cancelled.", "Start a new job"),
  -- resources (5, 6)
  NOT_FOUND = code("NOT_FOUND", "There is no such thing."),
  ALREADY_EXISTS = code("CONFLICT", "It already exists."),
  CONFLICT = code("CONFLICT", "The request conflicts with the present state."),
  IDEMPOTENCY_KEY_REUSED = code("CONFLICT", "This idempotency key was used with other arguments."),
  -- rights (7, 8, 9)
  PERMISSION_DENIED = code("PERMISSION_DENIED", "The permission for this is missing."),
  UNAUTHENTICATED = code("AUTH_REQUIRED", "No valid credentials were given.", "Log in or set the credentials"),
  AUTH_REQUIRED = code("AUTH_REQUIRED", "Credentials are required.", "Log in or set the credentials"),
  AUTH_ERROR = code("AUTH_REQUIRED", "The credential lacks required scopes.",
    "Use a credential with the missing scopes"),
  CREDENTIALS_EXPIRED = code("AUTH_REQUIRED", "The credentials have expired.", "Renew the credentials first"),
  TOKEN_INVALID = code("AUTH_REQUIRED", "The service does not accept the token.", "Log in again"),
  PAYMENT_REQUIRED = code("PAYMENT_REQUIRED", "A payment is required.", "Pay, then call again"),
  -- services (10, 11, 12)
  TIMEOUT = code("TIMEOUT", "The time limit passed."),
  RATE_LIMITED = code("RATE_LIMITED", "The service refused because of too many calls."),
  UNAVAILABLE = code("UNAVAILABLE", "The service is not available."),
  CONNECTION_FAILED = code("UNAVAILABLE", "The service cannot be reached."),
  NETWORK_ERROR = code("UNAVAILABLE", "The connection failed."),
  TLS_FAILED = code("UNAVAILABLE", "No secure connection could be made."),
  RESPONSE_INCOMPLETE = code("UNAVAILABLE", "The answer of the service ended too early."),
  -- execution (1, 3)
  SERVICE_REJECTED = code("GENERAL_ERROR", "The service refused the request."),
  SERVICE_ERROR = code("GENERAL_ERROR", "The service failed."),
  INVALID_RESPONSE = code("GENERAL_ERROR", "The answer of the service has another form than expected."),
  PARTIAL_FAILURE = code("PARTIAL_FAILURE", "Only a part was done."),
  JOB_RUNNING = code("PARTIAL_FAILURE", "The job is still running.", "Wait for the job to finish"),
  GENERAL_ERROR = code("GENERAL_ERROR", "The command failed."),
  INTERNAL_ERROR = code("GENERAL_ERROR", "The command stopped because of a fault in its program."),
  OUT_OF_MEMORY = code("GENERAL_ERROR", "The memory limit was reached."),
  IO_ERROR = code("GENERAL_ERROR", "Reading or writing failed."),
  RESPONSE_TOO_LARGE = code("GENERAL_ERROR", "The answer of the service is larger than the command takes."),
  INVALID_URL = code("GENERAL_ERROR", "The address of a request is not valid."),
  INVALID_REQUEST = code("GENERAL_ERROR", "A request cannot be sent as it is."),
  REDIRECT_REFUSED = code("GENERAL_ERROR", "The service redirects to another host."),
  TOO_MANY_REDIRECTS = code("GENERAL_ERROR", "The service redirects without end."),
  EDITOR_FAILED = code("GENERAL_ERROR", "The editor has failed."),
  PIPELINE_FAILED = code("GENERAL_ERROR", "A stage of a pipeline has failed."),
  PROGRAM_FAILED = code("GENERAL_ERROR", "A program that the command runs has failed."),
  PROGRAM_NOT_FOUND = code("PRECONDITION", "A program that the command runs is missing.", "Install the named program"),
  EFFECT_MISSING = code("GENERAL_ERROR", "The command did not say what it changed."),
  OUTPUT_INVALID = code("GENERAL_ERROR", "The result does not fit the declared shape."),
  DRY_RUN_MUTATION = code("GENERAL_ERROR", "The preview tried to change something; it was stopped."),
  JOB_EFFECT = code("GENERAL_ERROR", "The command tried to change something before ctx.job; such work belongs inside."),
  VALIDATE_BUDGET = code("GENERAL_ERROR", "Validation took too long."),
  SHELL_STRING_PROHIBITED = code("GENERAL_ERROR", "A command string was passed where an argument list is needed."),
  ERROR_UNDECLARED = code("GENERAL_ERROR", "The command failed with an error that its contract does not declare."),
  COMMAND_FAILED = code("GENERAL_ERROR", "The command raised an error; stderr says where."),
  VALIDATE_FAILED = code("GENERAL_ERROR", "The command's validate function failed."),
  PREVIEW_INVALID = code("GENERAL_ERROR", "preview must return ctx.would(…)."),
  WARNINGS_AS_ERRORS = code("GENERAL_ERROR", "The command warned, and warnings count as errors."),
  DOCTOR_CHECKS_FAILED = code("GENERAL_ERROR", "Some checks failed.", "Apply the fix of each failed check"),
  CANCELLED = code("CANCELLED_SIGTERM", "Cancelled before completion."),
  REDIRECTED = code("REDIRECTED", "The command has moved.", "Use the command in error.redirect"),
}

return exits
