-- Design §2: what a contract does not declare, the kernel refuses, to native code in the worker and to its programs alike.
local uv = require "luv"
local S = require "lib.spec"
local hostile = require "hostile.common"

local REFUSED = { EACCES = true, EPERM = true, ENOSYS = true, EXDEV = true, ESRCH = true }

-- name, argument (a key of the place, or text), what may be told beside a refusal; only: "native" or "program"
local ATTACKS = {
  { "read", "secret" }, { "read", "key" }, { "read", "config" }, { "read", "store" }, { "read", "audit" },
  { "read", "/etc/shadow" }, { "read", "way-out" }, { "write", "secret" }, { "write", "fresh" }, { "write", "through" },
  { "truncate", "secret" }, { "remove", "secret" }, { "rename", "secret" }, { "link", "secret" },
  { "mkdir", "fresh" }, { "chmod", "secret", only = "native" }, { "chown", "secret", only = "native" },
  { "times", "secret", only = "native" }, { "label", "secret", only = "native" }, { "device", "own" },
  { "handle", "secret" }, { "climb", "sibling" },
  { "exec", "/bin/sh", only = "native" }, { "exec-memory" }, { "exec-dropped", "dropped" },
  { "fork", only = "native" }, { "daemon", only = "native" },
  { "tcp", "port" }, { "udp", "port" }, { "bind" }, { "raw" }, { "packet" }, { "netlink" }, { "crypto" }, { "vsock" },
  { "local", "/run/dbus/system_bus_socket" },
  { "signal" }, { "signal-group" }, { "signal-all" }, { "signal-thread" }, { "signal-fd" }, { "signal-queue" },
  { "signal-owner" }, { "group" }, { "slow" }, { "limits" },
  { "trace" }, { "memory-of" }, { "proc-mem" }, { "proc-environ" }, { "proc-maps" }, { "proc-root" },
  { "parent-mem" }, { "parent-environ" }, { "forge", only = "program" },
  { "user-space" }, { "mount-space" }, { "clone-space" }, { "join-space" }, { "mount" }, { "chroot" },
  { "rings" }, { "bpf" }, { "keys" }, { "add-key" }, { "events" }, { "faults" }, { "personality" },
  { "typing" }, { "dumpable" }, { "ptracer" }, { "mm" }, { "orphan", only = "native" }, { "ambient" },
  { "user" }, { "groups" }, { "host-name" },
  { "raise-file" }, { "raise-core" }, { "raise-files" },
  { "fill", "filled", EFBIG = true, only = "program" }, { "memory", "16384", ENOMEM = true, sanitized = false },
}
local SANITIZED = os.getenv "ASAN_OPTIONS" ~= nil -- whose shadow memory no limit leaves room for

local function argument_of(at, name)
  if name == "port" then return tostring(at.port) end
  if name == "sibling" then return at.outside:match("[^/]*$") .. "/secret" end
  if name == "fresh" then return at.outside .. "/fresh" end
  if name == "through" then return at.own .. "/way-out/fresh" end
  if name == "way-out" then return at.see .. "/way-out" end
  if name == "dropped" or name == "filled" then return at.own .. "/" .. name end
  if name == "own" or name == "audit" then return at[name] end
  return at.files[name] or name
end

S.req("HOSTILE-KERNEL", "Attacks from native code and from programs", function()
  local at

  setup(function()
    at = hostile.place()
    hostile.remember(at)
    S.status(S.tool({ "neighbour" }, hostile.options(at)), 0) -- makes the audit log
    local r = S.status(S.tool({ "plugin", "explain", "neighbour" }, hostile.options(at)), 0)
    at.missing = r.envelope.data.enforced.missing
  end)
  teardown(function() hostile.close(at) end)

  local function try(attack, words)
    local argument = attack[2] and argument_of(at, attack[2])
    words[#words + 1] = attack[1]
    if argument then words[#words + 1] = argument end
    local r = S.status(S.tool(words, hostile.options(at)), 0)
    local told = r.envelope.data.told
    S.truth(r, REFUSED[told] or attack[told], "told " .. tostring(told))
    S.truth(r, r.envelope.meta.confinement == "full" or #at.missing > 0, "meta.confinement")
    hostile.unharmed(at, r)
  end

  for _, attack in ipairs(ATTACKS) do
    local name = attack[1] .. (attack[2] and " " .. attack[2] or "")
    local tried = attack.sanitized == nil or not SANITIZED
    if tried and attack.only ~= "program" then
      it("native code: " .. name, function() try(attack, { "hostile", "native" }) end)
    end
    if tried and attack.only ~= "native" then
      it("a program: " .. name, function()
        try(attack, { "hostile", "program", "--own", at.own, "--see", at.see })
      end)
    end
  end

  it("what is declared works all the same", function()
    local function told(...)
      local r = S.status(S.tool({ "hostile", "program", "--own", at.own, "--see", at.see, ... }, hostile.options(at)), 0)
      return r.envelope.data.told, r
    end
    for _, words in ipairs { { "read", at.see .. "/visible" }, { "write", at.own .. "/made" }, { "remove", at.own .. "/made" },
      { "exec", "/bin/sh" }, { "fork" } } do
      local answer, r = told(table.unpack(words))
      S.equal(r, "done", answer, words[1])
    end
    S.truth({ argv = {}, stdout = "", stderr = "" }, not uv.fs_stat(at.own .. "/made"), "the file is gone")
  end)
end)
