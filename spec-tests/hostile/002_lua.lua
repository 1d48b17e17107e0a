-- Design §2: Lua code that declares nothing reaches nothing, and ends in its time, whatever it catches.
local S = require "lib.spec"
local hostile = require "hostile.common"

-- attack = the error codes that may end it; the time limit is 300 ms.
local BOMBS = {
  rep = "OUT_OF_MEMORY", rep_method = "COMMAND_FAILED", concat = "OUT_OF_MEMORY TIMEOUT", memory = "OUT_OF_MEMORY TIMEOUT",
  memory_caught = "OUT_OF_MEMORY TIMEOUT", format = "COMMAND_FAILED", format_star = "COMMAND_FAILED",
  pattern = "TIMEOUT",
  gsub = "TIMEOUT", move = "TIMEOUT OUT_OF_MEMORY",
  unpack = "COMMAND_FAILED OUT_OF_MEMORY", sort = "TIMEOUT COMMAND_FAILED",
  loop = "TIMEOUT", pcall_loop = "TIMEOUT", xpcall_loop = "TIMEOUT", coroutine_loop = "TIMEOUT", coroutine_storm = "TIMEOUT",
  close_loop = "TIMEOUT", coroutine_close = "TIMEOUT", index_loop = "TIMEOUT", tostring_loop = "TIMEOUT",
  recursion = "COMMAND_FAILED TIMEOUT OUT_OF_MEMORY",
  metamethod_recursion = "COMMAND_FAILED TIMEOUT OUT_OF_MEMORY", gc_loop = "COMMAND_FAILED",
  gc_resurrect = "COMMAND_FAILED",
}

local REACH = {
  "string_meta", "string_index", "dump", "load", "io", "debug", "os_execute", "package", "collect", "require_host",
  "require_run", "require_debug", "require_path", "require_absolute", "lpeg_meta", "ctx_meta", "ctx_set_meta", "files",
  "http", "exec", "framework", "store", "spawn", "secret_meta", "secret_text", "secret_concat", "secret_json",
  "secret_format", "secret_length", "secret_compare", "secret_sub", "secret_rawlen", "secret_hex", "secret_base64",
  "secret_url", "secret_text_module", "secret_cjson", "secret_error", "tmp_path", "lock_path", "handout_path",
}

local CHANGES = { "json", "table_concat", "string_format", "globals", "tty", "null", "lpeg", "cjson" }

-- On a loaded machine, and with the sanitizers, everything takes longer; a bomb that nobody stops takes for ever.
local SLOWEST_MS = 6000

S.req("HOSTILE-LUA", "Attacks from Lua", function()
  local at

  setup(function()
    at = hostile.place()
    hostile.remember(at)
  end)
  teardown(function() hostile.close(at) end)

  local function run(name)
    local r = S.tool({ "hostile", "lua", name }, hostile.options(at))
    S.truth(r, r.elapsed_ms < SLOWEST_MS, "it took too long")
    hostile.unharmed(at, r)
    return r
  end

  for name, codes in pairs(BOMBS) do
    it("ends: " .. name, function()
      local r = run(name)
      local code = r.envelope.error ~= S.json.null and r.envelope.error.code
      S.truth(r, code and (" " .. codes .. " "):find(" " .. code .. " ", 1, true), "ended with " .. tostring(code))
      S.status(r, code == "TIMEOUT" and 10 or 1)
    end)
  end

  for _, name in ipairs(REACH) do
    it("out of reach: " .. name, function()
      local r = S.status(run(name), 0)
      S.equal(r, "nothing", r.envelope.data.got, "what it got")
    end)
  end

  for _, name in ipairs(CHANGES) do
    it("changes nothing of the host: " .. name, function()
      local r = S.status(run(name), 0)
      S.equal(r, "well", r.envelope.data.got, "its answer")
      S.equal(r, "full", r.envelope.meta.confinement, "meta.confinement")
    end)
  end
end)
