-- Secrets that are planted and looked for. Every run of the tool finds a random one in its environment as X_TOKEN; tests
-- plant more with taint.plant(). After each run, all that it wrote to a descriptor, and every file below its HOME, TMPDIR
-- and XDG directories that it changed, is searched for each of them, in each of these forms: raw, as a JSON string, in
-- base64 and base64url at every alignment, percent-encoded, as a form field, hexadecimal. A hit fails the test.
-- Exempt is only what a test names, with `tainted = { stdout = true, stderr = true, files = { [path] = true } }`.
local uv = require "luv"

local taint = {}

local SPECIAL = '"\\/+%&= ?'   -- what the encodings write differently
local LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"

local function random(n)
  local f = assert(io.open("/dev/urandom", "rb"))
  local bytes = f:read(n)
  f:close()
  return bytes
end

-- 24 random bytes: letters and digits, with a special character at every fourth place and a letter of two bytes at the
-- end; `plain` for places, such as a header, that do not take these.
local function secret(plain)
  local out = {}
  for i, byte in ipairs { random(plain and 24 or 22):byte(1, -1) } do
    local from = i % 4 == 0 and (plain and "-._~" or SPECIAL) or LETTERS
    local at = byte % #from + 1
    out[i] = from:sub(at, at)
  end
  return table.concat(out) .. (plain and "" or "ü")
end

-- ---- forms ----

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- Base64 of the bits that belong to `text` alone when `shift` other bytes stand before it.
local function base64(text, shift)
  local bits, out = {}, {}
  for i = 1, #text do
    for b = 7, 0, -1 do bits[#bits + 1] = text:byte(i) >> b & 1 end
  end
  local at = (6 - shift * 8 % 6) % 6 + 1
  while at + 5 <= #bits do
    local value = 0
    for i = at, at + 5 do value = value << 1 | bits[i] end
    out[#out + 1] = DIGITS:sub(value + 1, value + 1)
    at = at + 6
  end
  return table.concat(out)
end

local function percent(text, keep, format)
  return (text:gsub("[^%w" .. keep .. "]", function(c) return (format or "%%%02X"):format(c:byte()) end))
end

local function json_string(text, unicode)
  text = text:gsub('["\\]', "\\%0")
  return unicode and text:gsub("ü", "\\u00fc") or text
end

-- All texts that would show a secret.
function taint.forms(text)
  local hex = text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  local list = { text, json_string(text), json_string(text, true), json_string(text):gsub("/", "\\/"),
    json_string(json_string(text)), percent(text, "%-._~"), percent(text, "%-._~", "%%%02x"),
    percent(text, "%-._~!'()*"), percent(text, "%-._*+ "):gsub(" ", "+"), percent(text, "%-._~/"), hex, hex:upper() }
  for shift = 0, 2 do
    local coded = base64(text, shift)
    list[#list + 1] = coded
    list[#list + 1] = coded:gsub("%+", "-"):gsub("/", "_")
  end
  return list
end

-- ---- what is planted ----

local planted = {}   -- { name, forms }

-- Makes a secret and looks for it in all later runs of this file. `plain`: of unreserved characters only.
function taint.plant(name, plain)
  local text = secret(plain)
  planted[#planted + 1] = { name = name, text = text, forms = taint.forms(text) }
  return text
end

taint.TOKEN = taint.plant "X_TOKEN"

-- The first planted secret that a text shows: its name and the form; nil when there is none.
function taint.search(text)
  for _, p in ipairs(planted) do
    for _, form in ipairs(p.forms) do
      if text:find(form, 1, true) then return p.name, form end
    end
  end
end

-- ---- where it is looked for ----

local function changed_files(dir, since, out)
  local walk = uv.fs_scandir(dir)
  while walk do
    local name = uv.fs_scandir_next(walk)
    if not name then break end
    local path = dir .. "/" .. name
    local st = uv.fs_lstat(path)
    if st and st.type == "directory" then
      changed_files(path, since, out)
    elseif st and st.type == "file" and st.mtime.sec >= since then
      out[#out + 1] = path
    end
  end
  return out
end

-- Only directories of the test run itself: others belong to somebody else.
local function own(dir)
  local base = os.getenv("SPEC_TMP") or "/tmp/spec-"
  return type(dir) == "string" and dir:sub(1, #base) == base
end

local function file_hit(env, since, exempt)
  for _, name in ipairs { "HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME" } do
    if own(env[name]) then
      for _, path in ipairs(changed_files(env[name], since, {})) do
        local f = not exempt[path] and io.open(path, "rb")
        local secret_name, form = taint.search(f and f:read("a") or "")
        if f then f:close() end
        if secret_name then return ("%s as %q in %s"):format(secret_name, form, path) end
      end
    end
  end
end

-- What a finished run shows of the planted secrets, as a text; nil when it shows nothing.
function taint.hit(r, env, tainted)
  tainted = tainted or {}
  for _, name in ipairs { "stdout", "stderr", "terminal" } do
    local secret_name, form = taint.search(not tainted[name] and r[name] or "")
    if secret_name then return ("%s as %q on %s"):format(secret_name, form, name) end
  end
  return file_hit(env, r.started_us and r.started_us // 1000000 or 0, tainted.files or {})
end

return taint
