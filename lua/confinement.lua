-- Confinement: what the kernel shall let through for one run, from its contract.
-- Promise: one list of rules is both what is enforced (host.confine) and what is explained (`plugin explain`); a command
-- reaches what it declares and what the host itself needs, a program of `runs` only what is declared (design §2).
--
-- A rule is letters for the rights, then an absolute path: r read, w write, x execute, d device commands, l list names.

local config = require "config"
local host = require "host"
local values = require "values"

local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type

local M = {}

local GIB <const> = 1 << 30

-- Where systems keep their programs and libraries; all users may read them.
local SYSTEM = { "/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store", "/gnu/store" }
-- What the C library and the HTTP client read to find and trust a host.
local NETWORK = {
  "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
  "/etc/protocols", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/run/systemd/resolve",
}
local CA_VARIABLES = { "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE" }
-- What programs of every kind look at.
local PROGRAMS = {
  "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/localtime",
  "/etc/timezone", "/etc/locale.alias", "/etc/terminfo", "/etc/inputrc", "/etc/gitconfig", "/etc/mime.types",
  "/etc/os-release", "/etc/debian_version", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/sys/kernel/mm",
  -- of processes outside a program's own domain Landlock shows what every user sees, not their memory, files or environment
  "/proc",
}
local DEVICES = { "r/dev/zero", "r/dev/random", "r/dev/urandom", "rw/dev/full" }
-- Too much stands below these to be opened because a file in them is.
local BROAD = { ["/"] = true, ["/tmp"] = true, ["/var"] = true, ["/var/tmp"] = true, ["/home"] = true, ["/root"] = true,
  ["/etc"] = true, ["/run"] = true, ["/srv"] = true, ["/mnt"] = true, ["/opt"] = true, ["/dev/shm"] = true }

local function parent(path)
  local dir = path:match("^(.*)/[^/]*$")
  return dir == "" and "/" or dir
end
M.parent = parent

local function is_directory(path)
  local stat = host.file.stat(path)
  return stat ~= nil and stat.type == "directory"
end

-- Whether a directory holds more than one purpose: a root of many things, the home directory or what is above it.
local function broad(dir)
  local home = host.env "HOME"
  return BROAD[dir] or home ~= nil and (home .. "/"):sub(1, #dir + 1) == dir .. "/" or false
end

-- The directory that a program was installed into, when nothing else lies there.
local function installation(file)
  local dir = parent(file)
  local base = dir:match("[^/]*$")
  if base ~= "bin" and base ~= "sbin" and base ~= "libexec" then return nil end
  local prefix = parent(dir)
  local home = host.env "HOME"
  if broad(prefix) or home and parent(prefix) == home and prefix:find("/%.[^/]*$") then return nil, prefix end
  return prefix
end

-- The rules ----------------------------------------------------------------------------------------------------------

-- Collects rules: `own` for the worker, `programs` for what it starts; `why` only when somebody wants to know.
local Rules = {}
Rules.__index = Rules

function Rules:own_rule(rights, path, why)
  self.own[#self.own + 1] = rights .. path
  if self.notes then table.insert(self.notes, { path = path, rights = rights, why = why, programs = false }) end
end

function Rules:program_rule(rights, path, why)
  self.own[#self.own + 1] = rights .. path
  self.programs[#self.programs + 1] = rights .. path
  if self.notes then table.insert(self.notes, { path = path, rights = rights, why = why, programs = true }) end
end

-- A rule for the worker, and for programs where there are any.
function Rules:rule(rights, path, why)
  return (self.with_programs and self.program_rule or self.own_rule)(self, rights, path, why)
end

function Rules:each(rights, paths, why)
  for _, path in ipairs(paths) do self:own_rule(rights, path, why) end
end

--- What may be written at a path that is not a directory yet: it is made, and replaced by a rename, in its directory.
function Rules:add_writable(path, why)
  if is_directory(path) then return self:rule("rw", path, why) end
  local dir = parent(path)
  if self.with_programs then self:program_rule("rw", path, why) end
  if broad(dir) then self:own_rule("rw", path, why) end
  self:own_rule(broad(dir) and "wl" or "rw", dir, why)
  -- a program makes the file itself, for which its directory must be open to it
  if self.with_programs and not broad(dir) and not host.file.stat(path) then self:program_rule("w", dir, why) end
end

-- The loaders of dynamic programs, without which none of them starts.
local LOADERS = { "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1",
  "/lib/ld-musl-aarch64.so.1" }

-- A program that may be started: the file, its libraries, and the interpreter that its first line names.
local function add_program(rules, path, depth)
  local real = host.file.real(path)
  if not real then return end
  rules:program_rule("rx", real, "program")
  local prefix, narrow = installation(real)
  if prefix then rules:program_rule("rx", prefix, "installation of the program") end
  for _, name in ipairs(narrow and { "lib", "lib64", "libexec" } or {}) do
    rules:program_rule("rx", narrow .. "/" .. name, "libraries of the program")
  end
  local head = depth < 3 and host.file.head(real, 256)
  local interpreter, word = (head or ""):match("^#!%s*(%S+)[ \t]*(%S*)")
  if not interpreter then return end
  if interpreter:find("/env$") and word ~= "" then
    interpreter = require("programs").look(word) or interpreter
  end
  add_program(rules, interpreter, depth + 1)
end

local function add_base(rules, run, asked)
  local C = run.contract
  rules:rule("rw", "/dev/null", "framework")
  rules:rule("r", "/etc/localtime", "framework")
  if host.sanitized then rules:rule("r", "/proc", "the sanitizers of this build") end
  if host.env "TZ" then rules:rule("r", "/usr/share/zoneinfo", "framework") end
  if host.tty.stdin then rules:rule("rwd", "/dev/tty", "the terminal of a person") end
  if asked then
    return
  elseif C.framework then
    rules:own_rule(C.raw.probes and "rx" or "r", "/", "a command of the host itself")
  elseif C.plugin then
    rules:own_rule("r", C.plugin.dir .. "/lib", "modules of the plugin")
  else
    local dir = C.file
    for _ = 1, #C.words do dir = parent(dir) end
    rules:own_rule("r", dir .. "/" .. C.words[1] .. "/lib", "modules of the suite")
  end
end

-- The absolute directories in variables that hold lists of them.
local function listed(names)
  local list = {}
  for _, name in ipairs(names) do
    for dir in (host.env(name) or ""):gmatch("[^:]+") do
      if dir:sub(1, 1) == "/" then list[#list + 1] = dir end
    end
  end
  return list
end

local function add_modules(rules)
  rules:each("r", SYSTEM, "libraries")
  rules:own_rule("r", "/etc/ld.so.cache", "libraries")
  rules:own_rule("r", host.paths.modules, "modules of the host")
  for _, dir in ipairs(listed { "LD_LIBRARY_PATH", "LOCPATH" }) do rules:own_rule("r", dir, "libraries") end
end

local function add_network(rules)
  for _, path in ipairs(NETWORK) do rules:rule("r", path, "names and certificates of hosts") end
  for _, name in ipairs(CA_VARIABLES) do
    local path = host.env(name)
    if path and path:sub(1, 1) == "/" then rules:rule("r", path, name) end
  end
end

local function add_programs(rules, run, asked)
  local C = run.contract
  local alone = asked and asked.alone or C.runs and C.runs.alone
  for _, path in ipairs(SYSTEM) do
    rules:program_rule(alone and "r" or "rx", path, alone and "libraries of the system" or "programs and libraries of the system")
  end
  for _, path in ipairs(alone and LOADERS or {}) do rules:program_rule("rx", path, "loader of programs") end
  for _, path in ipairs(PROGRAMS) do rules:program_rule("r", path, "settings of the system") end
  for _, rule in ipairs(DEVICES) do
    local rights, path = rule:match("^(%a+)(.*)$")
    rules:program_rule(rights, path, "devices without content")
  end
  for _, dir in ipairs(listed { "LD_LIBRARY_PATH", "LOCPATH" }) do rules:program_rule("rx", dir, "libraries") end
  local binary = asked and asked.program or C.runs and C.runs.binary
  local path = binary and require("programs").look(binary)
  if path then add_program(rules, path, 0) end
  if C.raw.probes or C.runs and C.runs.any then -- doctor asks the programs that contracts need for their versions
    for _, dir in ipairs(listed { "PATH" }) do rules:program_rule("rx", dir, "programs of PATH") end
  end
end

-- What the contract declares, for the command and its programs alike.
local function add_declared(rules, run)
  local written = {}
  for _, path in ipairs(run.writable) do written[path] = true end
  for _, path in ipairs(run.readable) do -- a place that is written too runs nothing: no program is dropped and started
    rules:rule(rules.with_programs and not written[path] and "rx" or "r", path, "declared to be read")
  end
  if run.preview then return end
  for _, path in ipairs(run.writable) do rules:add_writable(path, "declared to be written") end
end

local function add_config(rules, run)
  local C = run.contract
  if not (C.config or C.suite and C.suite.config) then return end
  for _, path in ipairs(run.config.sources()) do rules:own_rule("r", path, "configuration") end
  if run.config.path then
    local dir, writes = parent(run.config.path), C.danger ~= "safe" and not run.preview
    if writes and not rules.notes then host.file.mkdir(dir, 448, true) end
    rules:own_rule(writes and "rw" or broad(dir) and "l" or "r", dir, "configuration")
  end
end

-- A directory of the tool's own state, made when it is missing.
local function add_state(rules, dir, why)
  if not dir then return end
  if not rules.notes then host.file.mkdir(dir, 448, true) end
  rules:own_rule("rw", dir, why)
end

local function add_state_of(rules, run)
  local C = run.contract
  local data = config.directory "data"
  if C.store then add_state(rules, data and data .. "/store", "store") end
  if C.auth or #C.scopes > 0 then
    local dir = require("credentials").place(run)
    for _, name in ipairs(C.auth and C.auth.env or {}) do
      local path = name:find("_FILE$") and host.env(name)
      if path and path:sub(1, 1) == "/" then rules:own_rule("r", path, name) end
    end
    if C.danger ~= "safe" and not run.preview then
      add_state(rules, dir, "credentials")
    elseif dir then
      rules:own_rule("r", dir, "credentials")
    end
  end
  if run.once then rules:own_rule("rw", run.once.dir, "idempotency keys") end
end

-- A job is the same command line once more, by a process of this program that confines itself in turn.
local function add_job(rules, run)
  local data, own = config.directory "data", config.directory "config"
  add_state(rules, data, "jobs and the audit log")
  if run.job then return end
  rules:each("rx", SYSTEM, "the job's own process")
  rules:own_rule("rx", host.paths.bin, "the job's own process")
  rules:own_rule("r", "/proc", "the job's own process")
  for _, dir in ipairs { host.paths.commands, host.paths.plugins, host.paths.modules, own or host.paths.commands } do
    rules:own_rule("r", dir, "the job's own process")
  end
  rules:each("r", listed { "TOOL_COMMANDS_PATH", "TOOL_PLUGIN_PATH" }, "the job's own process")
  for _, path in ipairs(run.config.sources()) do rules:own_rule("r", path, "configuration") end
end

local function add_own_places(rules, run)
  local C, g = run.contract, run.globals
  local base = not rules.notes and run.session_base()
  if base then rules:own_rule("rw", base, "directories of runs") end
  if not rules.notes and (C.raw.probes or not run.preview and (C.runs or C.raw.confines)) then
    rules:program_rule(C.runs and C.runs.any and "rwx" or "rw", run.tmp_dir(), "directory of this run")
  end
  if g.output_file then rules:own_rule("rw", parent(g.output_file), "--output-file") end
  if run.values.input_file and run.values.input_file ~= "-" then rules:own_rule("r", run.values.input_file, "--input-file") end
  if C.raw.places and not run.preview and not rules.notes then
    for _, path in ipairs(C.raw.places(run, require("framework").open(run))) do rules:add_writable(path, "a built-in's place") end
  end
  if C.background or C.stops or C.job or C.framework then rules:own_rule("r", "/proc", "processes of other runs") end
end

-- Ports --------------------------------------------------------------------------------------------------------------

local function add_port(ports, seen, port)
  port = math.tointeger(tonumber(port))
  if port and port > 0 and port < 65536 and not seen[port] then
    seen[port] = true
    ports[#ports + 1] = port
  end
end

--- The host and port that a declared host stands for; several for one without a port. "service" is the suite's address.
function M.host_of(run, text)
  if text ~= "service" then
    local name, port = text:match("^(.-):(%d+)$")
    return (name or text):lower(), math.tointeger(tonumber(port))
  end
  local service = run.suite and run.suite.service
  local url = service and run.values[service.url]
  local at = url and require("http.address").parse(url)
  if at then return at.host, at.port end
end

-- The TCP ports that may be connected to; nil when the contract leaves that open.
local function ports_of(run)
  local network = run.contract.network
  if not network or not network.hosts then return nil end
  local ports, seen = {}, {}
  for _, text in ipairs(network.hosts) do
    local _, port = M.host_of(run, text)
    add_port(ports, seen, port or text ~= "service" and 443)
    if not port and text ~= "service" then add_port(ports, seen, 80) end
  end
  local proxies = { run.globals.proxy, run.values.proxy }
  for _, name in ipairs { "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY" } do
    proxies[#proxies + 1] = host.env(name)
    proxies[#proxies + 1] = host.env(name:lower())
  end
  for _, url in pairs(proxies) do
    add_port(ports, seen, tostring(url):match(":(%d+)/?$") or tostring(url):find("^https") and 443 or 1080)
    add_port(ports, seen, 80)
  end
  add_port(ports, seen, 53) -- names whose answer is too long for a datagram
  return ports
end

-- Limits -------------------------------------------------------------------------------------------------------------

local PROCESSES <const> = 512

--- What a run may use at most: memory, size of a file and of the run's own directory in bytes, processes, open files.
function M.limits(C)
  local own, programs = C.limits or {}, C.runs ~= nil or C.raw.probes or C.background ~= nil
  local writes = C.writes ~= nil or C.path_access
  return {
    memory = own.memory or (programs and 8 or 2) * GIB,
    file_size = own.file or (writes and 16 or 1) * GIB,
    tmp_size = own.tmp or (writes and 16 or 1) * GIB,
    processes = programs and (own.processes or PROCESSES) or nil,
    open_files = C.serves and 65536 or 4096,
  }
end

-- The policy -----------------------------------------------------------------------------------------------------------

-- A person's editor and desktop programs inherit the confinement and could not work in it.
local function for_a_person(C)
  return C.editor and not require("programs").no_editor() or C.gui and not require("doors.open").headless()
end
M.for_a_person = for_a_person

local function absolute(paths, run)
  local list = {}
  for i, path in ipairs(paths) do list[i] = values.absolute(path, run.cwd) end
  return list
end

-- A shipped command may say at run time what its program gets: confines(args) -> { program, alone, network, reads, writes }.
--- What host.confine takes for a run { contract, values, globals, config, cwd, suite, preview, readable, writable, … }.
-- notes: a list that is filled with { path, rights, why, programs }; nothing is made on disk then.
function M.policy(run, notes)
  local C = run.contract
  local asked = C.raw.confines and not notes and C.raw.confines(run.input) or nil
  local exec = C.raw.probes or C.runs ~= nil or C.background ~= nil or C.job ~= nil or asked ~= nil
  local rules = setmetatable({ own = {}, programs = {}, notes = notes,
    with_programs = C.runs ~= nil or C.raw.probes or C.background ~= nil or asked ~= nil }, Rules)
  local policy = M.limits(C)
  policy.rules, policy.programs = rules.own, rules.with_programs and rules.programs or nil
  policy.exec, policy.connects, policy.listens = exec, C.network ~= nil or C.raw.probes, C.serves == true
  policy.local_sockets = C.network ~= nil and C.network.unix or C.raw.probes or false
  policy.signals = C.background ~= nil or C.stops ~= nil or C.job ~= nil or C.framework == true
  policy.attributes = C.raw.probes or C.runs ~= nil and (C.writes ~= nil or C.path_access == true) or C.job ~= nil
  policy.ports = ports_of(run)
  if asked then
    run.readable, run.writable = absolute(asked.reads, run), absolute(asked.writes, run)
    policy.connects, policy.attributes, policy.processes = asked.network, #run.writable > 0, PROCESSES
    policy.memory, policy.file_size = 8 * GIB, 16 * GIB
  end
  add_base(rules, run, asked)
  if C.network or C.serves or C.store or C.archive or C.native then add_modules(rules) end
  if policy.connects then add_network(rules) end
  if rules.with_programs then add_programs(rules, run, asked) end
  add_declared(rules, run)
  add_config(rules, run)
  add_state_of(rules, run)
  if C.job then add_job(rules, run) end
  add_own_places(rules, run)
  if for_a_person(C) then
    rules:own_rule("rwxd", "/", "programs for a person")
    policy.exec, policy.connects, policy.local_sockets, policy.signals, policy.attributes = true, true, true, true, true
    policy.ports = nil
  end
  policy.network = policy.connects or policy.listens
  return policy
end

-- Paths of a run -----------------------------------------------------------------------------------------------------

--- Does the contract name places that are read or written, or leave them to the call?
function M.names_places(C)
  for _, p in ipairs(C.params) do
    if p.type == "path" or p.access then return true end
  end
  return C.reads ~= nil or C.writes ~= nil
end

--- Directories and files that the contract lets the command write; their directories are made, but not for a preview.
function M.writable(run)
  local C, list = run.contract, {}
  local no_cache = run.values.no_cache or run.values.cache_ttl == 0
  for _, row in ipairs(C.writes or {}) do
    local path = not (no_cache and row.type == "cache") and config.expand(row.path)
    if path and not path:find("[{*]") then
      path = config.aside((values.absolute(path, run.cwd):gsub("/+$", "")))
      list[#list + 1] = path
      if not run.preview and not run.explained then host.file.mkdir(row.path:find("/$") and path or parent(path), 448, true) end
    end
  end
  for _, p in ipairs(C.params) do
    local given = run.values[p.name]
    if p.access == "write" and type(given) == "string" then list[#list + 1] = given end
  end
  return list
end

--- What it may read.
function M.readable(run)
  local C, list = run.contract, {}
  for _, path in ipairs(C.reads or {}) do
    path = config.expand(path)
    if path then list[#list + 1] = values.absolute(path, run.cwd) end
  end
  for _, p in ipairs(C.params) do
    local given = run.values[p.name]
    if p.type == "path" and given then
      for _, one in ipairs(type(given) == "table" and given or { given }) do list[#list + 1] = one end
    end
  end
  return list
end

--- What a contract opens, without running it: policy and notes as of M.policy, paths of parameters as "--name".
function M.explained(C)
  local run = { contract = C, values = {}, input = {}, globals = {}, cwd = host.cwd, suite = C.suite, preview = false,
    config = config.open(C, {}, host.cwd), explained = true }
  if C.config or C.suite and C.suite.config then run.config.aim(false) end
  run.writable, run.readable = M.writable(run), M.readable(run)
  local notes = {}
  local policy = M.policy(run, notes)
  for _, p in ipairs(C.params) do
    if p.type == "path" then
      table.insert(notes, { path = "--" .. p.name, rights = p.access == "write" and "rw" or "r", why = "the caller names it",
        programs = C.runs ~= nil })
    end
  end
  table.insert(notes, { path = (host.session_base() or "(no private directory)"), rights = "rw", why = "directories of runs",
    programs = false })
  return policy, notes
end

-- The ABI of Landlock that keeps all of a contract: ports need 4; a program's signals, to other processes than the host's, 6.
local function needed_abi(C)
  if C.runs or C.background or C.job or C.raw.probes or C.raw.confines then return 6 end
  return C.network and C.network.hosts and 4 or 1
end

-- The places that are read, each as the file that it is now: what took its place since is another to the kernel.
local function places_read(run)
  local parts = {}
  for i, path in ipairs(run.readable) do
    local stat = host.file.stat(path)
    parts[i] = ("%s %d"):format(path, stat and stat.ino or 0)
  end
  return table.concat(parts, "\n")
end

-- The layers of a line's confinement; nil when this worker is confined already, to something else. The contract says all
-- but the paths that are read: lines that share a worker have one command and no flag that opens more.
local function confine_line(run)
  local reads = places_read(run)
  if host.line.bound then return host.line.bound == reads and host.line.layers or nil end
  local layers = host.confine(M.policy(run))
  host.bind(reads)
  return layers
end

--- Confines this process for the run; says in meta how far the kernel could. False when another process must run it.
function M.apply(run)
  local layers
  if host.line and host.line.shared then
    layers = confine_line(run)
    if not layers then return false end
  else
    local policy = M.policy(run)
    layers = host.confine(policy)
    if policy.processes then host.send("N", tostring(policy.processes)) end
  end
  local full = layers.landlock >= needed_abi(run.contract) and layers.seccomp and not for_a_person(run.contract)
  run.meta("confinement", full and "full" or (layers.landlock > 0 or layers.seccomp) and "partial" or "none")
  return true
end

return M
