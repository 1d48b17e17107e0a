--- Where a plugin comes from: a folder, a tar archive, an address of one, or a git repository.
-- Promise: the answer is a folder to look at, inside the run's own directory unless it was one already; nothing of what
-- was fetched has run, and git sees neither the caller's configuration nor hooks nor any protocol but that of the address.

local failure = require "failure"
local fingerprint = require "fingerprint"
local host = require "host"
local programs = require "programs"
local values = require "values"

local source = {}

local MAX_ARCHIVE, MAX_SIGNATURE = 32 << 20, 4096
local GIT_TIMEOUT_MS = 120000

--- What a text stands for: { kind = "folder"|"archive"|"url"|"git", location, scheme }; nil when it is a path of nothing.
function source.of(text, cwd)
  local address = text:match("^git%+(.+)$")
  if address or text:find("^https?://.*%.git$") or text:find("^ssh://") then
    address = address or text
    return { kind = "git", location = address, scheme = address:match("^(%a[%w+.-]*)://") }
  end
  if text:find("^https?://") then return { kind = "url", location = text, scheme = text:match("^%a+") } end
  local path = values.absolute(text, cwd)
  local stat = host.file.stat(path)
  if not stat then return nil end
  return { kind = stat.type == "directory" and "folder" or "archive", location = path }
end

--- What is wrong with a text as a source, or nil.
function source.problem(text)
  local address = text:match("^git%+(.+)$")
  if address and not address:find("^https?://") and not address:find("^ssh://") and not address:find("^file:///") then
    return "after git+ comes an address: https://, ssh:// or file:///"
  end
  if (address or text):find("^%a[%w+.-]*://[^/]*@") and not text:find("^g?i?t?%+?ssh://[%w._-]+@") then
    return "credentials do not belong into an address"
  end
  if not address and text:find("^%a[%w+.-]*://") and not text:find("^https?://") and not text:find("^ssh://") then
    return "this kind of address is not known"
  end
end

-- Git --------------------------------------------------------------------------------------------------------------

local PASSED_ON = {
  "PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
  "SSH_AUTH_SOCK",
}

local function git_environment(run, scheme)
  local env = {
    "HOME=" .. run.tmp_dir(), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
    "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS=true",
    "GIT_SSH_COMMAND=ssh -oBatchMode=yes", "GIT_ALLOW_PROTOCOL=" .. scheme, "GIT_TEMPLATE_DIR=",
    "GIT_NO_REPLACE_OBJECTS=1", "GIT_LFS_SKIP_SMUDGE=1", "GIT_PAGER=cat",
  }
  for _, name in ipairs(PASSED_ON) do
    local value = host.env(name)
    if value then env[#env + 1] = name .. "=" .. value end
  end
  return env
end

local SAFE = {
  "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.autocrlf=false", "-c", "core.symlinks=true",
  "-c", "submodule.recurse=false", "-c", "transfer.fsckObjects=true", "-c", "protocol.allow=never",
}

-- Runs git in dir; its output, or the failure with what it said.
local function git(run, dir, scheme, arguments)
  local argv = { "git", "-C", dir, table.unpack(SAFE) }
  argv[#argv + 1], argv[#argv + 2] = "-c", ("protocol.%s.allow=always"):format(scheme)
  table.move(arguments, 1, #arguments, #argv + 1, argv)
  -- trusted: it gets what this command has, the folder that a file:// address names included, and no more
  local result = programs.start(run, argv, { timeout_ms = GIT_TIMEOUT_MS, trusted = true,
    env = git_environment(run, scheme) })
  if result.status == 0 then return result.stdout end
  failure.raise("PROGRAM_FAILED", { exit = "GENERAL_ERROR", cause = (host.text.clean(result.stderr):sub(-1000):gsub("%s+$", "")),
    message = ("git %s ended with status %d."):format(arguments[1], result.status),
    context = { program = "git", status = result.status } })
end

local function fetch_git(ctx, from, ref)
  local run, dir = ctx.framework.run, ctx.tmp "repository"
  local scheme = from.scheme
  assert(host.file.mkdir(dir, 448))
  git(run, dir, scheme, { "init", "--quiet", "--template=" })
  git(run, dir, scheme, { "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", from.location,
    ref or "HEAD" })
  git(run, dir, scheme, { "checkout", "--quiet", "--detach", "FETCH_HEAD" })
  local commit = git(run, dir, scheme, { "rev-parse", "--verify", "HEAD" }):match("%x+")
  return { dir = dir, ref = ref, commit = commit }
end

-- Archives ----------------------------------------------------------------------------------------------------------

local function read(path, max)
  local bytes, err = host.file.read(path, max)
  if not bytes then failure.raise(err.code, err) end
  return bytes
end

-- The one folder that all entries of an archive are in, or the archive's root.
local function inner(dir)
  local names = host.file.list(dir) or {}
  if #names == 1 and not host.file.stat(dir .. "/plugin.lua") then return dir .. "/" .. names[1] end
  return dir
end

local function unpack(ctx, bytes)
  local dir = ctx.tmp "unpacked"
  ctx.archive.unpack({ data = bytes }, dir, { max_bytes = fingerprint.MAX_BYTES, max_files = fingerprint.MAX_FILES })
  return inner(dir)
end

local function download(ctx, url, max)
  return ctx.http.get(url, { max = max, retries = 1 }).body
end

-- The signature beside an archive: its text, or nil when there is none.
local function signature_of(ctx, from, named)
  if named then return read(values.absolute(named, ctx.cwd), MAX_SIGNATURE) end
  local place = from.location .. ".minisig"
  if from.kind == "archive" then return (host.file.read(place, MAX_SIGNATURE)) end
  local response = ctx.http.try.get(place, { max = MAX_SIGNATURE, retries = 1 })
  return response and response.status == 200 and response.body or nil
end

--- Fetches: { dir, kind, location, ref, commit, bytes (of an archive), signature (text) }. opts: ref, signature (path).
function source.fetch(ctx, from, opts)
  local got
  if from.kind == "folder" then
    got = { dir = from.location }
  elseif from.kind == "git" then
    got = fetch_git(ctx, from, opts.ref)
  else
    local bytes = from.kind == "url" and download(ctx, from.location, MAX_ARCHIVE) or read(from.location, MAX_ARCHIVE)
    got = { bytes = bytes, signature = signature_of(ctx, from, opts.signature) }
  end
  got.kind, got.location = from.kind, from.location
  --- Unpacks what is packed; apart, so that a signature is checked before.
  function got.open()
    if got.bytes then got.dir = unpack(ctx, got.bytes) end
    return got.dir
  end
  return got
end

return source
