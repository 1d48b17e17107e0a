-- REQ-O-048: a command can be harmless until it is told to be live.
local S = require "lib.spec"

local function purge(file, ...) return S.tool { "fx", "purge", file, ... } end

S.req("REQ-O-048", "Destructive commands default to dry-run mode", function()
  it("1 --live is there for these commands and for no others", function()
    local flags = S.contract("fx purge").flags
    assert.same({ "boolean", false, false }, { flags.live.type, flags.live.required, flags.live.default })
    for path, entry in pairs(S.commands()) do
      assert.equal(S.contract((path:gsub("%.", " "))).safe_default == true, entry.flags.live ~= nil, path)
    end
    S.status(S.tool { "fx", "destroy", S.dir() .. "/x", "--live" }, 2)
  end)

  it("2 without it: the dry run, exit 0, nothing changed", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    for _, more in ipairs { {}, { "--dry-run" }, { "--confirm-destructive" }, { "--yes" } } do
      local r = S.status(purge(file, table.unpack(more)), 0)
      S.equal(r, { effect = "would_delete", would_affect = { path = file } }, r.envelope.data, "data")
      S.equal(r, true, r.envelope.meta.dry_run, "meta.dry_run")
      assert.is_true(S.exists(file))
    end
  end)

  it("3 with it the command runs, confirmed by that", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    local r = S.status(purge(file, "--live"), 0)
    S.equal(r, "deleted", r.envelope.data.effect, "effect")
    S.equal(r, { false, true }, { r.envelope.meta.dry_run, r.envelope.meta.confirmed }, "meta")
    assert.is_false(S.exists(file))
  end)

  it("4 meta.dry_run is in every answer of such a command, and in no other", function()
    local file = S.spit(S.dir() .. "/precious", "x")
    for _, case in ipairs {
      { 2, true, { "--level", "9" } }, { 2, false, { "--level", "9", "--live" } }, { 2, true, { "--nonsense" } },
      { 6, true, { "--fail" } }, { 6, false, { "--fail", "--live" } }, { 0, true, { "--validate-only" } },
      { 2, true, { "--live", "--dry-run" } },
    } do
      local r = S.status(purge(file, table.unpack(case[3])), case[1])
      S.equal(r, case[2], r.envelope.meta.dry_run, "meta.dry_run")
    end
    assert.is_true(S.exists(file))
    local r = S.status(S.tool { "fx", "destroy", file, "--dry-run" }, 0)
    S.equal(r, nil, r.envelope.meta.dry_run, "meta.dry_run")
  end)

  it("5 the manifest and --schema show it; a confirmation is not required", function()
    local data = S.contract "fx purge"
    assert.is_true(data.safe_default)
    assert.is_false(data.requires_confirmation)
    local r = S.tool { "manifest" }
    S.equal(r, true, r.envelope.meta.contracts["fx.purge"].safe_default, "meta.contracts")
  end)

  it("6 without a preview, or without danger, the contract is refused", function()
    local r, text = S.check("safe-default-blind", "safe-default-safe")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("destructive command must implement preview", 1, true), text)
    S.truth(r, text:find('safe_default needs danger = "destructive"', 1, true), text)
  end)
end)
