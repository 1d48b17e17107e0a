-- REQ-C-004: a destructive command can show what it would do, and then changes nothing.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local function breach(how, file, more)
  local args = { "fx", "breach", "--how", how, "--file", file, "--dry-run" }
  for _, word in ipairs(more or {}) do args[#args + 1] = word end
  return S.tool(args, { cwd = file:match("^(.*)/") })
end

S.req("REQ-C-004", "Destructive commands support --dry-run", function()
  it("1 --dry-run changes nothing outside and exits 0", function()
    local dir = S.dir()
    local file = S.spit(dir .. "/precious", "x")
    local before = S.driver.mtime_ms(file)
    S.status(S.tool({ "fx", "destroy", file, "--dry-run" }, { cwd = dir }), 0)
    S.status(breach("nothing", file), 0)
    assert.same({ "precious" }, S.tree(dir))
    assert.equal(before, S.driver.mtime_ms(file))
  end)

  it("1 all validation happens before a preview too", function()
    local e = S.failed(S.tool { "fx", "destroy", "--dry-run" }, 2, "ARG_ERROR")
    assert.equal("path", e.errors[1].field)
  end)

  it("2 and 3 the effect begins with would_, and would_affect is an object", function()
    local r = S.status(S.tool { "fx", "destroy", S.spit(S.dir() .. "/precious", "x"), "--dry-run" }, 0)
    S.truth(r, r.envelope.data.effect:find("^would_%l+$"), "effect")
    S.truth(r, type(r.envelope.data.would_affect) == "table" and not S.json.is_array(r.envelope.data.would_affect),
      "would_affect")
  end)

  it("a person sees what would be done in words of the host's own, whatever the command draws of its result", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    local function seen(args, opts)
      return (S.status(S.tool(args, S.terminal(opts)), 0).stdout:gsub("\27%[[%d;]*m", ""))
    end
    assert.equal("Preview: would delete, nothing is changed.\npath  " .. file .. "\n", seen { "fx", "destroy", file, "--dry-run" })
    local home = S.dir "home"
    assert.equal("Preview: would update, nothing is changed.\npath  " .. home .. "/.sentryagent/config.json\n",
      seen({ "sentryagent", "configure", "--dry-run" }, { env = { HOME = home } }))
    for _, flag in ipairs { "--dry-run", "--confirm-destructive" } do
      local text = seen { "fx", "thing", "delete", "--dir", S.dir(), "--name", "none", flag }
      assert.truthy(text:find "^Nothing to change%.\nid +none\n", text)
    end
  end)

  it("4 a destructive command without preview is refused", function()
    local r, text = S.check "no-preview"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("destructive command must implement preview (--dry-run)", 1, true), text)
    r, text = S.check "own-dry-run"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("--dry-run is registered by the framework", 1, true), text)
  end)

  it("5 a preview that tries to change something is stopped with DRY_RUN_MUTATION", function()
    local server = stub.start { { json = { ok = true } } }
    for _, how in ipairs { "write", "append", "mkdir", "remove", "rename", "exec", "config", "post", "download" } do
      local dir = S.dir()
      local file = S.spit(dir .. "/precious", "x")
      local more = { "--url", server.url .. "/" }
      S.failed(breach(how, file, more), 1, "DRY_RUN_MUTATION")
      assert.same({ "precious" }, S.tree(dir), how)
      more[3] = "--pcall"
      S.status(breach(how, file, more), 0)
      assert.same({ "precious" }, S.tree(dir), how)
    end
    for _, request in ipairs(server.requests) do assert.equal("GET", request.method) end
    server.close()
  end)

  it("5 a preview that answers with something else is a fault", function()
    local r = breach("plain", S.spit(S.dir() .. "/precious", "x"))
    S.failed(r, 1, "PREVIEW_INVALID")
  end)

  it("every destructive command has --dry-run, registered by the host", function()
    for path, entry in pairs(S.commands()) do
      if entry.danger_level == "destructive" then
        assert.same({ "boolean", false, false },
          { entry.flags["dry-run"].type, entry.flags["dry-run"].required, entry.flags["dry-run"].default }, path)
      end
    end
  end)
end)
