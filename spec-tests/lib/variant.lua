-- Other surroundings in which every promise holds as well. `spec-tests/run --variant NAME,NAME` adds them to the
-- environment of each run of the tool; what a test sets itself still counts more.
local uv = require "luv"

local variant = {}

local LOCALE = "tr_TR.UTF-8"   -- where the capital of i is not I, and the decimal point a comma

-- What each variant sets (a text) or takes away (false).
local CHANGES = {
  ci = { CI = "true" },
  ["no-home"] = { HOME = false },
  turkish = { LC_ALL = LOCALE, LANG = LOCALE },
}

local function names_in(text) return (text or ""):gmatch "[^,]+" end

local active = {} -- names of the variants of this test run
for name in names_in(os.getenv "SPEC_VARIANT") do active[name] = true end

-- Changes the environment of a run of the tool. No continuous integration has a terminal, so what runs on one is no part of it.
function variant.change(env, opts)
  local terminal = opts.stdout == "pty" or opts.stderr == "pty" or opts.stderr == "pty2"
  for name in pairs(active) do
    for key, value in pairs(not (name == "ci" and terminal) and CHANGES[name] or {}) do env[key] = value or nil end
  end
  if active.turkish then env.LOCPATH = assert(os.getenv("SPEC_LOCPATH")) end
end

local function make_locale(dir)
  local process, status
  local stderr = uv.new_pipe(false)
  local text = {}
  process = assert(uv.spawn("localedef", {
    args = { "-i", "tr_TR", "-f", "UTF-8", "--no-archive", dir .. "/" .. LOCALE }, stdio = { nil, nil, stderr },
  }, function(code) status = code; process:close() end), "localedef (package locales) is missing")
  stderr:read_start(function(_, data) if data then text[#text + 1] = data else stderr:close() end end)
  uv.run()
  return status == 0 or uv.fs_stat(dir .. "/" .. LOCALE .. "/LC_NUMERIC") ~= nil, table.concat(text)
end

local function prepare_turkish(tmp)
  local dir = tmp .. "/locales"
  assert(uv.fs_mkdir(dir, 448))
  local made, why = make_locale(dir)
  if not made then return nil, "localedef: " .. why end
  uv.os_setenv("SPEC_LOCPATH", dir)
  return true
end

-- Makes what the named variants need, in the directory of the test run; nil and a reason when it cannot be had.
function variant.prepare(names, tmp)
  for name in names_in(names) do
    if not CHANGES[name] then return nil, "unknown variant " .. name end
    if name == "turkish" then
      local ready, why = prepare_turkish(tmp)
      if not ready then return nil, why end
    end
  end
  return true
end

return variant
