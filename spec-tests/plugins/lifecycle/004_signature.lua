-- Signatures in the format of minisign; the fixtures were made by that program.
local S = require "lib.spec"
local P = require "lib.plugins"

local ONE, TWO = P.signed .. "/parcel-1.0.0.tar.gz", P.signed .. "/parcel-1.1.0.tar.gz"
local KEY, OTHER = P.signed .. "/parcel.pub", P.signed .. "/other.pub"

local function plugin(opts, ...) return S.tool({ "plugin", ... }, opts) end

-- A copy of the archive whose signature file is changed by a function of its lines.
local function forged(change, base)
  local dir = S.dir "forged"
  S.spit(dir .. "/a.tar.gz", S.slurp(ONE))
  local lines = S.lines(S.slurp(base or ONE .. ".minisig"))
  change(lines, dir)
  S.spit(dir .. "/a.tar.gz.minisig", table.concat(lines, "\n") .. "\n")
  return dir .. "/a.tar.gz"
end

-- The text with another letter at a place.
local function altered(text, at)
  return text:sub(1, at - 1) .. (text:sub(at, at) == "A" and "B" or "A") .. text:sub(at + 1)
end

S.req("PLUGINS-SIGNATURE", "Signatures of plugins", function()
  it("a good signature is accepted, with the key as a file or as a text, and written down", function()
    local line = S.lines(S.slurp(KEY))[2]
    for _, key in ipairs { KEY, line } do
      local opts = P.user()
      local r = S.status(plugin(opts, "install", ONE, "--public-key", key), 0)
      S.equal(r, { comment = "parcel 1.0.0", key_id = S.lines(S.slurp(KEY))[1]:match("%x+$") }, r.envelope.data.signed_by)
      S.equal(r, r.envelope.data.signed_by, plugin(opts, "info", "parcel").envelope.data.signed_by)
    end
  end)

  it("the older form, without a hash, is good as well, and a signature may lie elsewhere", function()
    local r = S.status(plugin(P.user(), "install", ONE, "--public-key", KEY, "--signature", P.signed .. "/legacy-1.0.0.minisig"), 0)
    S.equal(r, "parcel 1.0.0, signed without a hash", r.envelope.data.signed_by.comment)
  end)

  it("content, comment, signature and key: a change of any is found, and nothing is installed", function()
    local opts, data = P.user()
    local cases = {
      forged(function(lines) lines[3] = lines[3]:gsub("1%.0%.0", "9.9.9") end),
      forged(function(lines) lines[2] = altered(lines[2], 61) end),
      forged(function(lines) lines[4] = altered(lines[4], 21) end),
      forged(function(_, dir) S.spit(dir .. "/a.tar.gz", S.slurp(TWO)) end),
      forged(function(lines) lines[4] = nil end),
      forged(function(lines) lines[2] = "no base64" end),
      forged(function(lines) lines[2] = "RU" .. lines[2]:sub(3) end),
      forged(function(lines) lines[2] = "RX" .. lines[2]:sub(3) end),
      forged(function() end, P.signed .. "/other-1.1.0.minisig"),
    }
    for i, path in ipairs(cases) do
      -- the seventh is the good one once more, so that the way of changing is proven as well
      if i == 7 then S.status(plugin(opts, "install", path, "--public-key", KEY, "--dry-run"), 0)
      else S.failed(plugin(opts, "install", path, "--public-key", KEY), 4, "SIGNATURE_INVALID") end
    end
    S.failed(plugin(opts, "install", ONE, "--public-key", OTHER), 4, "SIGNATURE_INVALID")
    assert.same({}, P.state(data))
  end)

  it("who asks for a signature gets one or nothing", function()
    local opts = P.user()
    local path = forged(function() end)
    assert(os.remove(path .. ".minisig"))
    S.failed(plugin(opts, "install", path, "--public-key", KEY), 4, "SIGNATURE_MISSING")
    local folder = P.plugin(S.dir "src", "fx3")
    S.failed(plugin(opts, "install", folder, "--public-key", KEY), 4, "SIGNATURE_MISSING")
    S.failed(plugin(opts, "install", ONE, "--public-key", "nonsense"), 2, "ARG_ERROR")
  end)

  it("keys of the user's configuration: what is signed must be by one of them, and all may have to be signed", function()
    local opts = P.user()
    local function configure(values)
      P.write(opts.env.HOME, { [".config/tool/config.json"] = S.json.encode { plugins = values } })
    end
    configure { keys = S.json.array { S.lines(S.slurp(OTHER))[2] } }
    S.failed(plugin(opts, "install", ONE), 4, "SIGNATURE_INVALID")
    configure { keys = S.json.array { S.lines(S.slurp(OTHER))[2], KEY } }
    local r = S.status(plugin(opts, "install", ONE), 0)
    S.equal(r, "parcel 1.0.0", r.envelope.data.signed_by.comment)
    local folder = P.plugin(S.dir "src", "fx3")
    S.status(plugin(opts, "install", folder, "--dry-run"), 0)
    configure { keys = S.json.array { KEY }, require_signature = true }
    S.failed(plugin(opts, "install", folder), 4, "SIGNATURE_MISSING")
  end)

  it("a signature that nobody can check is said to be unchecked", function()
    local r = S.status(plugin(P.user(), "install", ONE), 0)
    S.truth(r, P.warned(r, "SIGNATURE_UNCHECKED"), "no warning")
    S.equal(r, nil, r.envelope.data.signed_by)
  end)

  it("an update of a signed plugin must be signed by the same key", function()
    local opts = P.user()
    P.write(opts.env.HOME, { [".config/tool/config.json"] = S.json.encode { plugins = {
      keys = S.json.array { KEY, OTHER } } } })
    S.status(plugin(opts, "install", ONE), 0)
    local folder = S.dir "src"
    assert.equal(0, S.run({ "tar", "-C", folder, "-xzf", TWO }).status)
    S.failed(plugin(opts, "update", "parcel", "--source", folder .. "/parcel"), 4, "SIGNATURE_MISSING")
    S.failed(plugin(opts, "update", "parcel", "--source", TWO, "--signature", P.signed .. "/other-1.1.0.minisig"), 4,
      "SIGNATURE_INVALID")
    S.status(plugin(opts, "update", "parcel", "--source", TWO, "--signature", P.signed .. "/other-1.1.0.minisig",
      "--public-key", OTHER, "--dry-run"), 0)
    local r = S.status(plugin(opts, "update", "parcel", "--source", TWO), 0)
    S.equal(r, "1.1.0", r.envelope.data.version)
  end)

  it("the key of an installed plugin is remembered: its updates need no --public-key", function()
    local opts = P.user()
    S.status(plugin(opts, "install", ONE, "--public-key", KEY), 0)
    S.failed(plugin(opts, "update", "parcel", "--source", TWO, "--signature", P.signed .. "/other-1.1.0.minisig"), 4,
      "SIGNATURE_INVALID")
    local r = S.status(plugin(opts, "update", "parcel", "--source", TWO), 0)
    S.equal(r, "parcel 1.1.0", r.envelope.data.signed_by.comment)
  end)

  it("needs no network", function()
    local _, trace = S.strace({ "plugin", "install", ONE, "--public-key", KEY }, "connect,sendto", P.user())
    for _, line in ipairs(trace) do assert.is_nil(line:find("AF_INET", 1, true) and line or nil) end
  end)
end)
