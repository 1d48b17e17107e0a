--- What authors use, key by key and call by call: what `tool types` and docs/contract.md are made of.
-- Promise: names exactly the keys that the contract's check knows and the calls that `ctx` has; reference.drift says what
-- differs.

local reference = {}

-- Each row: name, LuaLS type, what it means; internal = true for keys of the host's own commands.

reference.command = {
  title = "A command", class = "tool.Command",
  intro = "A command file returns this table. The path is the name. `about`, `danger`, `scopes`, `returns`, `exits` and `run` "
    .. "are always there; each other key declares something, and what is not declared cannot be done.",
  { "about", "string", "What it does, in one line" },
  { "danger", '"safe"|"mutating"|"destructive"', "Reads only; changes something; destroys something for good" },
  { "scopes", "string[]", "Scopes that the credential needs; {} for none" },
  { "args", "tool.Param[]", "The parameters, in order" },
  { "returns", "tool.Form", "The shape of `data` on success" },
  { "exits", "table<string, string|table>", "Exit codes by name; SUCCESS must be among them. A string keeps the code's standard "
    .. "meaning; `{ text, code = 79, retryable = false, side_effects = \"none\" }` makes one of 79 to 125" },
  { "errors", "table<string, table|false>", "Errors by code: `{ \"A sentence.\", exit = NAME, fix =, hint =, docs =, run =, after =, "
    .. "backoff = }`; false for one of the suite's that this command never raises" },
  { "run", "fun(args: table, ctx: tool.Ctx): any", "Does the work" },
  { "preview", "fun(args: table, ctx: tool.Ctx): any", "What it would do, for --dry-run: `ctx.would(verb, {…})`; may only read" },
  { "validate", "fun(args: table, bad: fun(param: string, text: string, code?: string))", "Checks that rows cannot say; no `ctx`" },
  { "cleanup", "fun(ctx: tool.Ctx)", "Runs on every way out" },
  { "render", "fun(data: any, ui: table)", "Draws the result on a terminal: `ui.text line write kv table bar spark`" },
  { "table", "string[]", "Fields that the text formats show, in order" },
  { "examples", "string[][]", "`{ description, command line }`, each of which works" },
  { "aliases", "string[]", "Other names, as whole words: \"project ls\"" },
  { "version", "string", "MAJOR.MINOR of its answers, meta.schema_version" },
  { "since", "string", "The version that brought it" },
  { "deprecated", "table", "`{ since, use, remove }`: still works and says so" },
  { "reversible", "boolean", "Can what it destroys be brought back?" },
  { "creates", "string", "What it makes; unlocks ctx.exists, exit ALREADY_EXISTS" },
  { "deletes", "string", "What it deletes; unlocks ctx.missing" },
  { "asks", "boolean", "May ask; unlocks ctx.confirm and ctx.ask, adds --yes and --non-interactive" },
  { "idempotent", "boolean", "Calling it twice is as calling it once" },
  { "rules", "table[]", "Between parameters: `{ when =, is =, need = {…}, bar = {…}, set = {…} }`, or `unless =`" },
  { "placement", '"any"|"strict"', "strict: flags stand before positions, and a `rest` parameter is possible" },
  { "id", "string", "The field that names a result, for --output id" },
  { "page", "integer|true", "A list in pages of so many; unlocks ctx.list, adds --limit and --cursor" },
  { "stream", 'true|"default"', "Rows one by one; unlocks ctx.emit, adds --stream" },
  { "batch", "string", "The list parameter of which each item is done; unlocks ctx.each" },
  { "steps", "string[]", "Steps in order; unlocks ctx.step" },
  { "resumable", "boolean", "Can begin at a step: --resume-from" },
  { "undo", "fun(step: string, args: table, ctx: tool.Ctx)", "Takes a step back, for --rollback-on-failure" },
  { "job", "table", "`{ poll =, timeout =, schema = }`: goes on after the answer; unlocks ctx.job" },
  { "long_running", "boolean", "Adds --heartbeat-ms and --heartbeat-interval" },
  { "timeout", "string|number", "Time limit; 30s when nothing is said" },
  { "network", "true|table", "Talks to services: true or `{ timeout =, connect =, hosts = { \"host:port\" }, "
    .. "unix = true }`; unlocks ctx.http, and ctx.api in a suite" },
  { "retry", "table", "`{ max =, delay = }` of requests" },
  { "runs", "string|table", "The one program that it runs: `{ \"git\", fixed = {…}, from = { parameters }, reads = true, "
    .. "alone = true }`: alone, it starts nothing else; with `any = true` also what is on PATH; "
    .. "unlocks ctx.exec and ctx.pipe" },
  { "background", "table", "`{ stop = \"words\", lifetime = \"1h\" }`: its program goes on; unlocks ctx.spawn" },
  { "stops", "string", "The command whose background program it ends; unlocks ctx.stop" },
  { "reads", "string|string[]", "Paths that it reads; unlocks ctx.files" },
  { "writes", "table[]", "`{ \"cache\"|\"log\"|\"temp\"|\"credential\"|\"config\", path, ttl =, clear = }`; unlocks writing, a cache ctx.cache" },
  { "limits", "table", "`{ memory = \"1GB\", file = \"1GB\", tmp = \"1GB\", processes = 64 }`: what it and its programs may use" },
  { "walk", "boolean", "Goes through directories; unlocks ctx.walk" },
  { "stdin", "true|table", "Reads standard input: true or `{ format =, required = }`; unlocks ctx.input" },
  { "payload", "boolean", "Takes all parameters as one JSON object: --raw-payload" },
  { "config", 'boolean|"local"|"global"|"session"', "Reads or writes configuration; unlocks ctx.config" },
  { "store", "boolean", "Keeps records; unlocks ctx.store" },
  { "archive", "boolean", "Packs or reads tar archives; unlocks ctx.archive" },
  { "unavailable", "boolean", "The service cannot do this: the command only says so, and what to do instead" },
  { "auth", "table", "`{ headless =, env = {…} }`: logs in; unlocks ctx.credential" },
  { "editor", "string[]", "Parameters that can be given instead of writing in an editor; unlocks ctx.edit" },
  { "gui", "table", "`{ \"browser_open\", headless = \"emit_in_output\"|\"skip\"|\"error\" }`; unlocks ctx.open and ctx.notify" },
  { "serves", "boolean", "Listens; unlocks ctx.serve" },
  { "terminal", "boolean", "Takes the terminal itself" },
  { "platform", "string[]", "Systems that it is for" },
  { "needs", "table<string, string|table>", "Programs that must be there, with their versions" },
  { "shell", "string", "The shell that its output is for" },
  { "native", "string", "A native module of the operator" },
  { "safe_default", "boolean", "A destructive command that only shows what it would do, until --live" },
  { "formats", "string[]", "Output formats beyond the usual ones" },
  { "volatile", "string[]", "Fields that differ between equal calls; --stable-output leaves them out" },
  { "sensitive", "string[]", "Fields that are masked" },
  { "external", "boolean|string[]", "Which data came from outside; false for none" },
  { "max_output", "string|integer", "Largest answer" },
  { "preserve_locale", "boolean", "Programs that it runs keep the caller's locale" },
  { "suppress_update_notifier", "fun(env: table)", "Silences the update check of the program that it runs" },
  { "min_schema_version", "integer", "The oldest major version of its answers that is still served" },
  { "compat", "table<integer, fun(data: any): any>", "Today's data in an older version's shape" },
  { "compat_schemas", "table<integer, tool.Form>", "The shapes of those" },
  { "framework", "boolean", "Unlocks ctx.framework", internal = true },
  { "verbatim", "string", "The field that is stdout unless a format is asked for", internal = true },
  { "rows", "string", "The field whose items are the rows of the text formats", internal = true },
  { "places", "function", "Further paths that may be written", internal = true },
  { "probes", "boolean", "Unlocks ctx.framework.exec", internal = true },
  { "confines", "fun(args: table): table", "What its program gets, said at run time; unlocks ctx.framework.run", internal = true },
  { "dispatches", "boolean", "Reads lines that are calls; adds --dry-run for them", internal = true },
}

reference.param = {
  title = "A parameter", class = "tool.Param",
  intro = "A row of `args`: `{ name, type, description, … }`. Every parameter can be given as `--name value`, in a handler it is "
    .. "`args.name` (`-` as `_`). Types: " .. "`string integer number boolean enum list map path url duration size datetime json secret`.",
  { "required", "boolean", "Must be given" },
  { "default", "any", "Its value when nothing is given; durations and sizes as text" },
  { "at", "integer", "Its position; a list at the last one takes the rest" },
  { "rest", "boolean", "Takes everything that follows; with placement = \"strict\"" },
  { "match", "string|userdata", '"id", "uuid", "semver", "filepath", "url", "email", an anchored POSIX expression, or an LPeg pattern' },
  { "one_of", "string[]", "The values of an enum; of each item of a list" },
  { "min", "number|string", "Smallest value, or number of items" },
  { "max", "number|string", "Largest value, or number of items" },
  { "max_length", "integer", "Most bytes" },
  { "max_bytes", "integer", "Same as max_length" },
  { "env", "string", "Environment variable that gives it" },
  { "config", "string", "Configuration key that gives it" },
  { "short", "string", "One letter" },
  { "complete", "fun(word: string): string[]", "What the shell offers" },
  { "access", '"read"|"write"', "On a path: unlocks ctx.files for just that path" },
  { "public", "boolean", "No secret in spite of its name" },
  { "pipe", "boolean", "Takes `-` for standard input" },
  { "loose", "boolean", "Free text: no check for what no identifier has" },
  { "since", "string", "The version that brought it" },
  { "deprecated", "table", "`{ since, use, remove }`" },
}

reference.suite = {
  title = "A suite", class = "tool.Suite",
  intro = "`suite.lua` beside the commands of a folder says once what they share.",
  { "about", "string", "What it is, in one line" },
  { "aliases", "string[]", "Other names" },
  { "persona", "string", "A program of its own: any link of that name to the tool" },
  { "dialect", "tool.Dialect", "That program's own envelope, exit codes, texts and flags" },
  { "args", "tool.Param[]", "Flags that every command has" },
  { "config", "table", "`{ file = path, env = VARIABLE? }`: the program's own configuration file; the variable names another" },
  { "service", "tool.Service", "What ctx.api talks to" },
  { "exits", "table", "Merged into every command's" },
  { "errors", "table", "Merged into every command's" },
  { "version", "string", "Its version" },
}

reference.service = {
  title = "A suite's service", class = "tool.Service",
  intro = "With `service` in suite.lua, a command with `network` has `ctx.api`.",
  { "url", "string|fun(ctx: tool.Ctx, args: table): string", "The parameter that holds the base address, or what gives it" },
  { "token", "string|fun(ctx: tool.Ctx): any", "A secret parameter, or what gives the credential" },
  { "errors", "table<integer, string>|function", "Status → error code" },
  { "probe", "table", "`{ path =, timeout =, error = CODE }`: asked before the first request; the error of a service that is not there" },
  { "headers", "table<string, string>|fun(token: any): table", "Header → parameter whose value it has; or a function of what goes with the credential" },
  { "timeout", "string", "Of each request that names none" },
}

reference.dialect = {
  title = "A program's dialect", class = "tool.Dialect",
  intro = "What the program named by `persona` does differently from `tool SUITE`; see programs.md.",
  { "flags", "tool.Param[]", "Flags of the program; also `plain` (a secret on the line) and `everywhere` (`tool SUITE` has it too)" },
  { "one_dash", "boolean", "The program takes `-name` for `--name`, as Go's flag package does" },
  { "spoken", "fun(flags: table): boolean", "Whether `tool SUITE` speaks it too" },
  { "exits", "table<integer, integer>", "Exit codes, mapped" },
  { "codes", "table<string, string>", "Error codes, mapped; `[\"…\"]` for all others" },
  { "commands", "table<string, table>", "What differs for one command: `{ exits, confirm, plain, piped, defaults }`" },
  { "unmask", "boolean", "The program shows secrets that its commands were asked for, as with --unmask" },
  { "confirm", "any", "Destructive commands need no --confirm-destructive: true, or a function of the flags" },
  { "answer", "fun(a: table): table", "The finished result as `{ stdout, stderr, exit }`" },
  { "row", "fun(a: table, row: any, raw?: boolean): string?", "One row of a stream, its line end included" },
  { "failure", "string|function", "Template for stdout when the worker cannot answer: `%code%`, `%message%`" },
  { "failure_text", "string|function", "The same for stderr" },
}

reference.group = {
  title = "A group", class = "tool.Group", intro = "`group.lua` describes a folder of commands.",
  { "about", "string", "What they are for, in one line" },
  { "aliases", "string[]", "Other names" },
}

reference.plugin = {
  title = "A plugin", class = "tool.Plugin",
  intro = "A folder with `plugin.lua`, `commands/`, and if need be `lib/`, `suite.lua`, `tests/`, `README.md`.",
  { "name", "string", "That of the folder" },
  { "version", "string", "MAJOR.MINOR.PATCH" },
  { "about", "string", "What it is for, in one line" },
  { "api", "integer", "The level of this page: 1" },
  { "needs", "table", "`{ tool = \">=0.3 <2\" }`: versions that it works with" },
  { "hooks", "table", "`{ start = fn, stop = fn }`, called with `ctx` around each command, for at most 5 s and 1 s" },
}

local HTTP = "fun(url: string, opts?: tool.RequestOptions): tool.Response"

-- Each row: name, LuaLS type, what unlocks it ("" for always), what it does.
reference.ctx = {
  { "fail", "fun(code: string|table, opts?: table)", "", "Ends the command with an error: `{ cause, context, after, message, data }`; never returns" },
  { "warn", "fun(code: string, text: string)", "", "One entry of warnings[]" },
  { "log", "fun(level: string, text?: string)", "", "A line on stderr" },
  { "progress", "fun(done: number|string, total?: number, label?: string)", "", "How far it is" },
  { "sleep", "fun(duration: string|number)", "", "Waits" },
  { "now", "fun(): string", "", "RFC 3339, UTC" },
  { "tmp", "fun(name: string): string", "", "A path in the run's own directory" },
  { "handout", "fun(name: string, ttl?: string): string, table", "", "A path that stays for a while, and its data.cleanup" },
  { "lock", "fun(name: string, timeout?: string): table", "", "A lock among all runs; to-be-closed" },
  { "hold", "fun(value: any, close: fun(value: any)): table", "", "Closed on every way out" },
  { "all", "fun(functions: function[]): any[]", "", "Runs them at the same time; the first result of each, in order" },
  { "task", "fun(fn: function): table", "", "Runs beside the handler; has :join()" },
  { "truncated", "fun(path: string, original_bytes?: integer)", "", "Says that the text at that path of data was cut" },
  { "bytes", "fun(bytes: string, content_type?: string): any", "", "Bytes for the result, shown as base64" },
  { "secret", "fun(source: any, opts?: table): any", "", "Makes a secret of a text, or of the variable `{ env = NAME }`; `{ trim }`" },
  { "array", "fun(t: table): table", "", "Marks a list, so that it is [] when empty" },
  { "null", "any", "", "JSON null" },
  { "tty", "table", "", "`{ stdin, stdout, stderr }`: which are terminals" },
  { "cwd", "string", "", "The current directory" },
  { "dry_run", "boolean", "", "Is this a preview?" },
  { "limit", "integer", "page", "What --limit says" },
  { "cursor", "any", "page", "The service's token of the page to fetch; nil for the first" },
  { "page_size", "integer", "page", "Items of a page" },
  { "list", "fun(items: table, opts?: table): any", "page", "One page: `{ next, total, external }`; the host asks again until --limit is met" },
  { "created", "fun(data?: table): any", "danger", "The result, with its effect" },
  { "updated", "fun(data?: table): any", "danger", "The result, with its effect" },
  { "deleted", "fun(data?: table): any", "danger", "The result, with its effect" },
  { "noop", "fun(data?: table): any", "danger", "All is as it should be" },
  { "would", "fun(verb: string, affected: table): any", "preview", "What would happen" },
  { "exists", "fun(resource: table)", "creates", "It is there already; never returns" },
  { "missing", "fun(id: any): any", "deletes", "Nothing to delete, a success" },
  { "emit", "fun(row: any)", "stream", "One row, shown at once" },
  { "each", "fun(list: table, fn: fun(item: any): any): any", "batch", "One result for each item" },
  { "step", "fun(name: string, fn: function): any", "steps", "One declared step" },
  { "confirm", "fun(question: string): boolean", "asks", "A yes/no question" },
  { "ask", "fun(question: string, opts?: table): any", "asks", "An open question: `{ secret, flag }`" },
  { "input.text", "fun(): string", "stdin", "All of standard input, as text" },
  { "input.bytes", "fun(): string", "stdin", "All of it, as it is" },
  { "input.lines", "fun(): fun(): string", "stdin", "Line by line" },
  { "input.json", "fun(): any", "stdin", "All of it, decoded" },
  { "files.read", "fun(path: string, opts?: table): string", "reads, writes or access", "A whole file; `{ max }`" },
  { "files.lines", "fun(path: string): fun(): string", "reads, writes or access", "Line by line" },
  { "files.rows", "fun(path: string, sql: string, ...: any): table[]", "reads, writes or access", "Rows of a SELECT on an SQLite file, which is only read" },
  { "files.link", "fun(path: string): string?, string?", "reads, writes or access", "What a symbolic link says, and the existing path it leads to" },
  { "files.real", "fun(path: string): string", "reads, writes or access", "The path without symbolic links" },
  { "files.stat", "fun(path: string): table", "reads, writes or access", "type, size, mtime, mode" },
  { "files.list", "fun(path: string): string[]", "reads, writes or access", "Names in a directory, sorted" },
  { "files.exists", "fun(path: string): boolean", "reads, writes or access", "Is it there?" },
  { "files.write", "fun(path: string, bytes: string, opts?: table)", "writes or access", "The whole file or nothing; `{ mode, exclusive }`" },
  { "files.append", "fun(path: string, bytes: string)", "writes or access", "At the end of a file" },
  { "files.mkdir", "fun(path: string)", "writes or access", "A directory and those above it" },
  { "files.remove", "fun(path: string)", "writes or access", "A file or an empty directory" },
  { "files.rename", "fun(from: string, to: string)", "writes or access", "Gives it another name" },
  { "walk", "fun(root: string): fun(): table", "walk", "All below root: `{ path, name, type, size, mtime, depth, link }`" },
  { "cache.get", "fun(key: string): any", "writes of type cache", "What was kept, while it is good" },
  { "cache.put", "fun(key: string, value: any)", "writes of type cache", "Keeps it" },
  { "exec", "fun(opts: table): table", "runs", "`{ args…, stdin, stdout, timeout, check, cwd, env, clean_env, on_line }` → status, stdout, stderr, duration_ms" },
  { "start", "fun(opts: table): table", "runs", "As exec without stdout, to be followed: `on_line(stream, line, more)`, `max_line`; the program has `wait()`, `stop(grace)`, `pid`" },
  { "pipe", "fun(stages: table[], opts?: table): table", "runs", "The output of one stage is the input of the next" },
  { "spawn", "fun(opts?: table): table", "background", "`{ args…, name, cwd }`: a program that goes on" },
  { "stop", "fun(name?: string): boolean", "stops", "Ends it; whether one ran" },
  { "job", "fun(fn: fun(jctx: tool.Ctx): any): any", "job", "Goes on after the answer" },
  { "config.get", "fun(key: string): any, string", "config", "Value and source" },
  { "config.set", "fun(key: string, value: any): table", "config", "scope, path, old" },
  { "config.unset", "fun(key: string): table", "config", "Takes it out: scope, path, old" },
  { "config.update", "fun(changes: table): table", "config", "Several values at once: key → value" },
  { "config.change", "fun(fn: fun(file: table))", "config", "The whole content of the file, changed under its lock" },
  { "config.all", "fun(): table", "config", "Every value with its source" },
  { "store.get", "fun(key: string): any", "store", "A record" },
  { "store.put", "fun(key: string, value: any)", "store", "Keeps it" },
  { "store.delete", "fun(key: string): boolean", "store", "Deletes it" },
  { "store.list", "fun(prefix?: string): table", "store", "Records whose key begins so: `{ key, value }`, by key" },
  { "store.batch", "fun(list: table[])", "store", "All of `{ \"put\", key, value }`, `{ \"delete\", key }` … or none" },
  { "archive.pack", "fun(entries: table[], opts?: table): any, string", "archive", "Entries `{ name, path|data|link, mode }` → bytes and digest, or a file with `path`" },
  { "archive.list", "fun(source: table, opts?: table): table[]", "archive", "What is in `{ path = … }` or `{ data = … }`" },
  { "archive.read", "fun(source: table, name: string, opts?: table): string", "archive", "One entry's bytes" },
  { "archive.unpack", "fun(source: table, dir: string, opts?: table): table[]", "archive", "Into an absent or empty directory; `{ max_bytes, max_files }`" },
  { "credential", "table", "auth or scopes", "token, source, scopes, expires_at; with auth also save{…} and clear()" },
  { "edit", "fun(text?: string): string", "editor", "The alternative parameter, or what the editor leaves" },
  { "open", "fun(url: string): boolean", "gui", "Opens an address or a file" },
  { "notify", "fun(title: string, text?: string): boolean", "gui", "Shows a notification" },
  { "serve", "fun(spec: table)", "serves", "`{ routes, host, port, on_listen, … }` until the run ends" },
  { "random", "fun(n: integer): string", "serves", "Random bytes" },
  { "http.get", HTTP, "network", "A response below 400; anything else ends the command" },
  { "http.head", HTTP, "network", "As get" },
  { "http.post", HTTP, "network", "As get" },
  { "http.put", HTTP, "network", "As get" },
  { "http.patch", HTTP, "network", "As get" },
  { "http.delete", HTTP, "network", "As get" },
  { "http.request", "fun(opts: tool.RequestOptions): tool.Response", "network", "With method and url among the options" },
  { "http.download", "fun(url: string, path: string, opts?: tool.RequestOptions): table", "network", "Into a file that may be written" },
  { "http.events", "fun(url: string, opts?: tool.RequestOptions): fun(): table", "network", "`{ event, id, data, json }` one by one" },
  { "http.try", "tool.Http", "network", "The same; every status is a response, and nil, err means that there was none" },
  { "api", "tool.Http", "network in a suite with service", "The same on the suite's service: paths instead of addresses" },
  { "api.ready", "fun()", "network in a suite with service", "Passes the service's probe now, ahead of the first request" },
  { "native", "any", "native", "The native module" },
  { "framework", "table", "framework", "The host's own commands only", internal = true },
}

reference.request = {
  title = "Options of a request", class = "tool.RequestOptions",
  { "query", "table", "Name → value" }, { "json", "any", "The body" }, { "form", "table", "The body, as a form" },
  { "body", "string", "The body" }, { "multipart", "table", "The body, in parts" }, { "headers", "table", "Name → value" },
  { "bearer", "any", "A token" }, { "basic", "table", "User and password" }, { "timeout", "string|number", "Of this request" },
  { "retries", "integer", "How often it is sent again" }, { "follow", '"any"', "Redirects may leave the host" },
  { "max", "integer|string", "Largest body" }, { "idle", "string|number", "Longest silence of a stream" },
  { "effect", "boolean", "false: changes nothing although it is no GET" },
  { "progress", "string", "Told as progress, with the percents of the body that are sent" },
  { "method", "string", "For http.request" }, { "url", "string", "For http.request" }, { "path", "string", "For api.request" },
}

reference.response = {
  title = "A response", class = "tool.Response",
  { "status", "integer", "" }, { "headers", "table<string, string>", "Lower-case names" }, { "body", "string", "" },
  { "json", "any", "The body, decoded when first used" }, { "retry_after", "integer", "ms, from either form of the header" },
  { "url", "string", "" }, { "date", "number", "The service's clock" },
}

--- The parts of the contract, in the order of the page.
reference.parts = { "command", "param", "suite", "service", "dialect", "group", "plugin" }

local function known()
  local contract = require "contract"
  local keys = {}
  for name, set in pairs(require("contract.owners").KEYS) do keys[name] = set end
  keys.command, keys.param = contract.KEYS, require("contract.params").OPTIONS
  return keys
end

--- What the check of contracts and this reference disagree about: array of texts.
function reference.drift()
  local list, keys = {}, known()
  for _, part in ipairs(reference.parts) do
    local described = {}
    for _, row in ipairs(reference[part]) do
      described[row[1]] = true
      if not keys[part][row[1]] then list[#list + 1] = ("%s has no key %s"):format(part, row[1]) end
    end
    for key in pairs(keys[part]) do
      if not described[key] then list[#list + 1] = ("key %s of %s is not described"):format(key, part) end
    end
  end
  table.sort(list)
  return list
end

return reference
