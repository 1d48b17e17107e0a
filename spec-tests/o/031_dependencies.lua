-- REQ-O-031: which versions of which programs the tool needs.
local S = require "lib.spec"
local own = require "lib.own_commands"

local SOURCE = [[return { about = "Need programs", danger = "safe", scopes = {},
  needs = { frob = { min = "2.3.0", max = "3.0", check = { "frob", "-V" }, version = "frob-(\\d+\\.\\d+(\\.\\d+)?)",
    fix = "apt-get install -y frob" } },
  returns = { a = "string" }, exits = { SUCCESS = "Done" }, run = function() return { a = "b" } end }]]

local tree

local function environment(said)
  tree = tree or own.tree { ["zz/needing"] = SOURCE }
  local bin = said and own.programs { frob = ('test "$1" = -V && echo "%s"'):format(said) } or S.dir "bin"
  return { TOOL_COMMANDS_PATH = tree, HOME = S.dir "home", PATH = bin .. ":" .. S.paths.bin .. ":/usr/bin:/bin" }
end

local function doctor(said) return S.tool({ "doctor" }, { env = environment(said) }) end

local DECLARED = { name = "frob", check_command = "frob -V", version_regex = "frob-(\\d+\\.\\d+(\\.\\d+)?)",
  min_version = "2.3.0", max_version = "3.0", fix_command = "apt-get install -y frob" }

local function with(fields)
  local row = {}
  for key, value in pairs(DECLARED) do row[key] = value end
  for key, value in pairs(fields) do row[key] = value end
  return S.json.array { row }
end

S.req("REQ-O-031", "Dependency version matrix declaration", function()
  it("1 and 6 declarations stand in --schema, of the command and of all, and in the manifest's meta", function()
    local env = environment()
    local r = S.status(S.tool({ "zz", "needing", "--schema" }, { env = env }), 0)
    S.equal(r, with {}, r.envelope.data.dependencies, "the command's")
    for _, args in ipairs { { "--schema" }, { "manifest" } } do
      r = S.status(S.tool(args, { env = env }), 0)
      S.equal(r, with {}, r.envelope.meta.dependencies, "meta.dependencies")
    end
  end)

  it("2 and 5 below the minimum, or not there: a failed check with the command that helps", function()
    for said, found in pairs { ["frob-2.2.11 old"] = "2.2.11", ["frob-1.9"] = "1.9" } do
      local r = doctor(said)
      S.failed(r, 1, "DOCTOR_CHECKS_FAILED")
      S.equal(r, with { found_version = found, ok = false }, r.envelope.data.dependencies, "dependencies")
    end
    local r = doctor()
    S.failed(r, 1, "DOCTOR_CHECKS_FAILED")
    S.equal(r, with { found_version = S.json.null, ok = false }, r.envelope.data.dependencies, "dependencies")
  end)

  it("3 above the maximum: a warning, and still a success", function()
    local r = S.status(doctor "frob-3.0.1", 0)
    S.equal(r, with { found_version = "3.0.1", ok = true }, r.envelope.data.dependencies, "dependencies")
    S.truth(r, #r.envelope.warnings == 1 and r.envelope.warnings[1]:find("frob 3.0.1 is newer than 3.0", 1, true), "the warning")
  end)

  it("4 the versions are compared number by number", function()
    for _, version in ipairs { "2.3", "2.3.0", "2.10.0", "3.0" } do
      local r = S.status(doctor("frob-" .. version), 0)
      S.equal(r, with { found_version = version, ok = true }, r.envelope.data.dependencies, "dependencies")
      S.equal(r, S.json.array {}, r.envelope.warnings, "warnings")
    end
  end)
end)
