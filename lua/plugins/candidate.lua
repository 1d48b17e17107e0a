--- A plugin that shall be installed: fetched, checked and put into words, before anything of it counts.
-- Promise: nothing of it runs; its metadata is checked first, then every contract, and a signature before either; what was
-- looked at is what is installed.

local checks = require "kit.checks"
local config = require "config"
local failure = require "failure"
local fingerprint = require "fingerprint"
local host = require "host"
local minisign = require "plugins.minisign"
local source = require "plugins.source"
local touches = require "plugins.touches"
local tree = require "tree"
local values = require "values"

local candidate = {}

local NOT_CONTENT = { [".git"] = true }

-- Parameters and errors that the commands share ---------------------------------------------------------------------------

candidate.ARGS = {
  ref = { "ref", "string", "Branch, tag or commit of a git repository", match = "^[A-Za-z0-9][A-Za-z0-9._/-]*$", loose = true },
  signature = { "signature", "path", "The signature of the archive; without it the file with .minisig at its end" },
  key = { "public-key", "string", "The minisign key that must have signed the archive: its line of base64, or a .pub file",
    loose = true, public = true },
}

candidate.ERRORS = {
  PLUGIN_SOURCE_NOT_FOUND = { "There is nothing there.", exit = "NOT_FOUND" },
  PLUGIN_INVALID = { "The plugin is refused.", exit = "PRECONDITION", fix = "Correct the listed problems" },
  PLUGIN_CONTENT_REFUSED = { "The plugin holds something that is no plain file.", exit = "PRECONDITION",
    fix = "Remove what the cause names" },
  SIGNATURE_MISSING = { "There is no signature.", exit = "PRECONDITION",
    fix = "Get the .minisig of this archive, or an archive that is signed" },
  SIGNATURE_INVALID = { "The signature does not hold.", exit = "PRECONDITION",
    fix = "Do not use this archive; get it again from whom you trust" },
}

--- Adds what is wrong with a source, and with options that do not fit it.
function candidate.validate(args, bad)
  local problem = args.source and source.problem(args.source)
  if problem then bad("source", problem) end
end

-- Signatures --------------------------------------------------------------------------------------------------------

local function key_of(text, cwd)
  local key = minisign.key(text) or minisign.key((host.file.read(values.absolute(text, cwd), 4096)) or "")
  if key then return key end
  failure.raise("ARG_ERROR", { phase = "validation", message = ("%s is no public key of minisign."):format(text),
    fix = "Pass the line of base64 of the key, or the path of its .pub file" })
end

-- The keys that may have signed, and whether one must have: --public-key, else the key of the installed version, else
-- plugins.keys of the user's configuration.
local function keys_of(args, ctx, installed)
  if args.public_key then return { key_of(args.public_key, ctx.cwd) }, true end
  local by = installed and installed.version.lock.signature
  if type(by) == "table" then return { key_of(by.public_key, ctx.cwd) }, true end
  local keys, named = {}, config.personal "plugins.keys"
  for i, text in ipairs(type(named) == "table" and named or {}) do keys[i] = key_of(tostring(text), ctx.cwd) end
  return keys, config.personal "plugins.require_signature" == true
end

-- Who signed: { key_id, comment, public_key }, or nil when nobody had to.
local function check_signature(ctx, got, keys, wanted)
  if not got.signature then
    if wanted then ctx.fail("SIGNATURE_MISSING", { context = { source = got.location } }) end
    return nil
  end
  if #keys == 0 then
    ctx.warn("SIGNATURE_UNCHECKED", "there is a signature, and no key to check it with: --public-key or plugins.keys")
    return nil
  end
  local by, why = minisign.verify(got.bytes, got.signature, keys)
  if not by then ctx.fail("SIGNATURE_INVALID", { cause = why, context = { source = got.location } }) end
  return by
end

-- Contents ----------------------------------------------------------------------------------------------------------

local function refuse(ctx, problems, dir)
  local items = host.json.array {}
  for i, p in ipairs(problems) do
    items[i] = checks.item(p, p.file or dir .. "/plugin.lua")
    for _, key in ipairs { "file", "position" } do -- as the author knows them
      if items[i][key]:sub(1, #dir + 1) == dir .. "/" then items[i][key] = items[i][key]:sub(#dir + 2) end
    end
  end
  ctx.fail("PLUGIN_INVALID", { message = ("The plugin is refused: %s"):format(items[1].message), more = { errors = items } })
end

-- The files as sandbox.load compares them.
local function hashes_of(content)
  local hashes = {}
  for _, row in ipairs(content.files) do hashes[content.dir .. "/" .. row.path] = row.sha256 end
  return hashes
end

-- The checked plugin and its contracts.
local function load(ctx, content)
  local hashes = hashes_of(content)
  if not hashes[content.dir .. "/plugin.lua"] then
    refuse(ctx, { { command = "plugin", rule = "REQ-F-015", message = "there is no plugin.lua" } }, content.dir)
  end
  local plugin, problems = tree.plugin(content.dir, nil, hashes)
  if not plugin then refuse(ctx, problems, content.dir) end
  local contracts, all = {}, {}
  tree.visit(tree.plugin_entry(content.dir, plugin.name, hashes), function(entry)
    local C, more = tree.load(entry, true)
    if C then contracts[#contracts + 1] = C end
    for _, p in ipairs(C and {} or more) do all[#all + 1] = p end
  end)
  if #all > 0 then refuse(ctx, all, content.dir) end
  local commands = host.json.array {}
  for _, C in ipairs(contracts) do
    if not C.group then commands[#commands + 1] = table.concat(C.words, " ") end
  end
  if #commands == 0 then
    refuse(ctx, { { command = plugin.name, rule = "REQ-F-015", message = "it has no commands" } }, content.dir)
  end
  return plugin, contracts, commands
end

--- Fetches and checks what `text` names. args: ref, signature, public_key. installed: what is there already, or nil.
--- @return table { plugin, content, commands, may (words), got, signed }
function candidate.get(ctx, text, args, installed)
  local from = source.of(text, ctx.cwd)
  if not from then
    ctx.fail("PLUGIN_SOURCE_NOT_FOUND", { message = ("There is nothing at %s."):format(text), context = { source = text } })
  end
  local keys, wanted = keys_of(args, ctx, installed)
  local got = source.fetch(ctx, from, { ref = args.ref, signature = args.signature })
  local signed = check_signature(ctx, got, keys, wanted)
  local dir = got.open()
  local content, err = fingerprint.of(dir, NOT_CONTENT)
  if not content then ctx.fail("PLUGIN_CONTENT_REFUSED", { cause = err.message, context = { path = err.path } }) end
  content.dir = dir
  local plugin, contracts, commands = load(ctx, content)
  return { plugin = plugin, content = content, commands = commands, may = touches.of(contracts, plugin), got = got,
    signed = signed }
end

--- What is written down beside the files.
function candidate.lock(c)
  local files = host.json.object {}
  for _, row in ipairs(c.content.files) do files[row.path] = { sha256 = row.sha256, size = row.size } end
  return {
    schema = 1, name = c.plugin.name, version = c.plugin.version, about = c.plugin.about, digest = c.content.digest,
    files = files, may = host.json.array(c.may), commands = c.commands, installed_at = host.time(), signature = c.signed,
    source = { kind = c.got.kind, location = c.got.location, ref = c.got.ref, commit = c.got.commit,
      sha256 = c.got.bytes and host.hash.sha256(c.got.bytes) or nil },
  }
end

--- The form of candidate.show, and of what is installed.
candidate.FORM = {
  name = "string", version = "string", ["about?"] = "string", digest = "string", may = { list = "string", ordered = true },
  commands = { list = "string", ordered = true }, files = "integer",
  source = { kind = "string", location = "string", ["ref?"] = "string", ["commit?"] = "string", ["sha256?"] = "string" },
  ["signed_by?"] = { key_id = "string", comment = "string" }, ["path?"] = "path", ["previous?"] = "string",
}

--- A lock as callers see it, and where its files are.
function candidate.show(lock, installed)
  local count, by = 0, type(lock.signature) == "table" and lock.signature
  for _ in pairs(lock.files) do count = count + 1 end
  return {
    name = lock.name, version = lock.version, about = lock.about, digest = lock.digest, may = host.json.array(lock.may),
    commands = host.json.array(lock.commands), files = count, source = lock.source,
    signed_by = by and { key_id = by.key_id, comment = by.comment } or nil,
    path = installed and installed.version.dir or nil,
    previous = installed and installed.previous and installed.previous.lock.version or nil,
  }
end

--- Says on stderr what a plugin may do, before it does.
function candidate.announce(ctx, c)
  ctx.log("info", ("%s %s may:"):format(c.plugin.name, c.plugin.version))
  for _, text in ipairs(c.may) do ctx.log("info", "  " .. text) end
  if #c.may == 0 then ctx.log("info", "  nothing but answer") end
end

--- Draws candidate.show for a person.
function candidate.render(data, ui)
  local what = data.would_affect or data
  if not what.may then return ui.kv(what) end
  ui.text(("%s %s  %s"):format(what.name, what.version, what.about or ""), "bold")
  ui.text("It may " .. (#what.may > 0 and table.concat(what.may, "; ") or "do nothing but answer") .. ".")
  ui.text("Commands: " .. table.concat(what.commands, ", "))
  if what.signed_by then ui.text("Signed with the key " .. what.signed_by.key_id) end
  for _, text in ipairs(what.asks_for_more or {}) do ui.text("New: it may " .. text, "yellow") end
end

return candidate
