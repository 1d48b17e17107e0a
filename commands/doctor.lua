--- `tool doctor`: is this machine ready for the commands?
-- Promise: one row per thing that could be missing, all with the same keys; a failed row says what to do. Nothing is
-- changed.

local claims = require "plugins.claims"
local config = require "config"
local contract = require "contract"
local manifest = require "manifest"
local opens = require "opens"
local tree = require "tree"

local host, null -- ctx.framework.host and JSON null, known when the command runs

local function row(name, ok, fields)
  fields = fields or {}
  return {
    name = name, ok = ok, version = fields.version or null, required = fields.required or null,
    error = not ok and fields.error or null, fix = not ok and fields.fix or null,
    fix_command = not ok and fields.fix or null,
  }
end

local function check_lua()
  local version = _VERSION:match("%d+%.%d+")
  return row("lua", version == "5.4", {
    version = version, required = "5.4", error = "another Lua than 5.4 is built in", fix = "./bootstrap",
  })
end

-- The kernel's layers; a missing one weakens confinement and never stops a command, so that it is a warning.
local function check_layers(ctx, add)
  local layers = host.layers()
  for _, text in ipairs(opens.enforced().missing) do ctx.warn("CONFINEMENT", text) end
  add(row("landlock", true, { version = layers.landlock > 0 and "ABI " .. layers.landlock or "absent" }))
  add(row("seccomp", true, { version = layers.seccomp and "present" or "absent" }))
end

local function parent(path)
  return path:match("^(.+)/[^/]*$") or "/"
end

-- The nearest directory above a path that exists.
local function existing(path)
  while path ~= "/" and not host.file.stat(path) do path = parent(path) end
  return path
end

local function can_write(path)
  if not host.file.access then return true end
  return host.file.access(path, "w") and true or false
end

local function quoted(path)
  return "'" .. path:gsub("'", "'\\''") .. "'"
end

local function check_config(add)
  local dir = config.directory "config"
  if not dir then
    return add(row("config-directory", false, {
      error = "neither XDG_CONFIG_HOME nor HOME is set", fix = "export HOME=~",
    }))
  end
  local stat = host.file.stat(dir)
  if not stat then
    local base = existing(dir)
    return add(row("config-directory", can_write(base), {
      version = dir, error = base .. " is not writable", fix = "chmod u+w " .. quoted(base),
    }))
  end
  add(row("config-directory", stat.type == "directory" and can_write(dir), {
    version = dir, error = dir .. " is not a writable directory", fix = "chmod u+rwx " .. quoted(dir),
  }))
  local open = stat.mode and stat.mode & 18 ~= 0
  add(row("config-permissions", not open, {
    version = stat.mode and ("%03o"):format(stat.mode & 511) or nil, required = "700",
    error = "others may write to " .. dir, fix = "chmod 700 " .. quoted(dir),
  }))
end

-- Where a program is on PATH, or nil. access(2) may answer for a directory, so that the type counts too.
local function which(name)
  if name:find("/", 1, true) then return host.file.stat(name) and name or nil end
  for dir in (host.env "PATH" or ""):gmatch("[^:]+") do
    local path = dir .. "/" .. name
    local stat = host.file.stat(path)
    if stat and stat.type == "file" and (not stat.mode or stat.mode & 73 ~= 0) then return path end
  end
end

-- The version that a program prints on either stream, as the contract's expression finds it, or nil.
local function found_version(framework, need, name)
  local ok, result = pcall(framework.exec, need.check or { name, "--version" })
  if not ok then return nil end
  local said = (result.stdout .. "\n" .. result.stderr):gsub("%z", "")
  if not need.version then return said:match("(%d+%.[%d.]*%d)") or said:match("%d+") end
  local regex = host.regex((need.version:gsub("\\d", "[0-9]")))
  local found = regex and regex:capture(said)
  return found and found:match("%d[%d.]*") and found or nil
end

local function judge(need, path, version)
  if not path then return false, "absent" end
  if need.min and not version then return false, "its version cannot be found out" end
  if need.min and not contract.at_least(version, need.min) then
    return false, ("version %s is older than %s"):format(version, need.min)
  end
  return true
end

local function check_tools(ctx, contracts, add)
  local rows, needs = manifest.dependencies(contracts)
  local out = {}
  for i, dependency in ipairs(rows) do
    local name, need = dependency.name, needs[dependency.name]
    local path = which(need.check and need.check[1] or name)
    local version = path and found_version(ctx.framework, need, name)
    local ok, problem = judge(need, path, version)
    local fix = need.fix or "apt-get install -y " .. name
    add(row(name, ok, {
      version = version or path, required = need.min and ">=" .. need.min or nil, error = problem, fix = fix,
    }))
    if ok and version and need.max and not contract.at_least(need.max, version) then
      ctx.warn("DEPENDENCY", ("%s %s is newer than %s, which was the last one tested"):format(name, version, need.max))
    end
    dependency.found_version, dependency.ok, dependency.fix_command = version or null, ok, fix
    out[i] = dependency
  end
  return out
end

-- The address that a suite's commands would talk to, when somebody has set one; a mere default is no promise.
local function endpoint_of(suite)
  local p = suite.by_name[suite.service.url]
  local value = p and p.env and host.env(p.env)
  if value and value ~= "" then return value end
  if not p or not p.config then return nil end
  local ok, found = pcall(function() return config.open({ suite = suite }, {}).get(p.config) end)
  return ok and type(found) == "string" and found or nil
end

-- Any HTTP answer shows that the address, the proxy and the certificates are in order.
local function check_endpoint(ctx, suite, url)
  local probe = suite.service.probe or {}
  local address = url:gsub("/+$", "") .. (probe.path or "/")
  local response, err = ctx.http.try.get(address, { timeout = probe.timeout or "5s", retries = 0 })
  return row("network " .. suite.name, response ~= nil, {
    version = url, required = "reachable", error = err and (err.message or err.code) or "no answer",
    fix = "curl -v " .. quoted(address),
  })
end

local function check_network(ctx, contracts, add)
  local seen = {}
  for _, C in ipairs(contracts) do
    local suite = C.suite
    if suite and suite.service and not seen[suite] then
      seen[suite] = true
      local url = endpoint_of(suite)
      if url then add(check_endpoint(ctx, suite, url)) end
    end
  end
end

local function check_locale(add)
  local locale = host.env "LC_ALL" or host.env "LC_CTYPE" or host.env "LANG" or "C"
  local utf8_locale = locale:lower():find("utf%-?8") ~= nil
  add(row("locale", true, { version = locale .. (utf8_locale and "" or " (output is UTF-8 all the same)") }))
end

local function check_terminal(add)
  local tty = host.tty
  add(row("terminal", true, {
    version = ("stdin %s, stdout %s, TERM %s"):format(tty.stdin and "terminal" or "other",
      tty.stdout and "terminal" or "other", host.env "TERM" or "unset"),
  }))
end

local function check_commands(refused, add)
  if #refused == 0 then return add(row("commands", true)) end
  for _, one in ipairs(refused) do
    local first = one.problems and one.problems[1]
    add(row("command " .. table.concat(one.words, " "), false, {
      error = first and first.message or "refused", fix = "tool check " .. quoted(one.file or ""),
    }))
  end
end

-- What is there and cannot be called, without being broken, is a warning.
local function warn_of_plugins(ctx)
  for _, one in ipairs(claims.ignored()) do
    ctx.warn("PATH_IGNORED", ("%s of %s is not absolute and does not count"):format(one.path, one.variable))
  end
  local untrusted
  for _, claim in ipairs(claims.all()) do
    local path = claim.at.dir .. "/" .. claim.name
    if not tree.usable(claim.at) then
      untrusted = claim.at
    elseif claim.taken then
      ctx.warn("COMMAND_SHADOWED", ("%s cannot be called: %s has its name"):format(path, claim.taken.dir .. "/" .. claim.name))
    end
  end
  if untrusted then
    ctx.warn("PROJECT_UNTRUSTED", ("the commands in %s do not run: %s"):format(untrusted.dir,
      untrusted.state.changed and "they were changed since they were trusted" or "they are not trusted"))
  end
end

return {
  about = "Check that this machine has what the commands need",
  danger = "safe", scopes = {}, framework = true, since = "0.1", network = true, external = false,
  probes = true,
  returns = {
    checks = { ordered = true, list = {
      name = "string", ok = "boolean", version = "string!", required = "string!", error = "string!", fix = "string!",
      fix_command = "string!",
    } },
    dependencies = { list = {
      name = "string", check_command = "string", version_regex = "string", min_version = "string!",
      max_version = "string!", found_version = "string!", ok = "boolean", fix_command = "string!",
    } },
  },
  timeout = "60s",
  exits = { SUCCESS = "Every check passed", GENERAL_ERROR = "Some checks failed; data lists all of them" },
  -- a service that does not answer is a failed check
  errors = {
    UNAVAILABLE = false, UNAUTHENTICATED = false, PERMISSION_DENIED = false,
    DOCTOR_CHECKS_FAILED = { "Some checks failed.", exit = "GENERAL_ERROR", fix = "Apply the fix of each failed check" },
  },
  examples = { { "Check the machine", "tool doctor" } },
  render = function(data, ui)
    for _, c in ipairs(data.checks) do
      local mark = c.ok and ui.style("ok  ", "green") or ui.style("FAIL", "red")
      ui.text(("%s  %s%s"):format(mark, c.name, c.version and c.version ~= null and "  " .. c.version or ""))
      for _, more in ipairs { c.error, c.fix } do
        if more ~= null then ui.text("      " .. more, "dim") end
      end
    end
    for _, d in ipairs(data.dependencies) do
      local found = d.found_version ~= null and d.found_version or "missing"
      ui.text(("%s  %s  %s"):format(d.ok and ui.style("ok  ", "green") or ui.style("FAIL", "red"), d.name, found))
    end
  end,
  run = function(_, ctx)
    host, null = ctx.framework.host, ctx.null
    local contracts, refused = ctx.framework.contracts()
    local checks = {}
    local function add(check) checks[#checks + 1] = check end
    add(check_lua())
    check_layers(ctx, add)
    check_config(add)
    local dependencies = check_tools(ctx, contracts, add)
    check_network(ctx, contracts, add)
    check_locale(add)
    check_terminal(add)
    check_commands(refused, add)
    warn_of_plugins(ctx)
    local failed = 0
    for _, check in ipairs(checks) do
      if not check.ok then failed = failed + 1 end
    end
    local data = { checks = host.json.array(checks), dependencies = host.json.array(dependencies) }
    if failed > 0 then
      ctx.fail("DOCTOR_CHECKS_FAILED", {
        message = ("%d of %d checks failed."):format(failed, #checks), data = data,
      })
    end
    return data
  end,
}
