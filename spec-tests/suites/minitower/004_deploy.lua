-- Deploying: what a Towerfile may say, what goes into the package, and that the service has what was sent.
local S = require "lib.spec"
local tar = require "lib.tar"
local uv = require "luv"
local common = require "suites.minitower.common"
local says = common.says

local function towerfile(more, name)
  return ('[app]\nname = "%s"\nscript = "main.sh"\n%s'):format(name or "hello", more or "")
end

local package_of, sha256 = common.package_of, common.sha256

-- A service that answers an upload with the digest of what came.
local function service(routes)
  local all = { ["POST /api/v1/apps/hello/versions"] = common.deployed }
  for key, value in pairs(routes or {}) do all[key] = value end
  return common.service(all)
end

local function names_of(entries)
  local out = {}
  for i, e in ipairs(entries) do out[i] = e.name .. (e.link ~= "" and " -> " .. e.link or "") end
  return table.concat(out, " ")
end

S.req("MINITOWER-DEPLOY", "deploy", function()
  local server

  setup(function() server = service() end)
  teardown(function() server.close() end)

  -- The names in the package of a directory with these files.
  local function packed(files)
    local dir = common.app(files)
    S.status(common.tool({ "deploy", "--dir", dir }, { env = server.env() }), 0)
    local _, entries = package_of(server.requests[#server.requests])
    return names_of(entries), entries
  end

  local function refused(files, stderr, code)
    local dir = common.app(files)
    local before = #server.requests
    local r = common.cli({ "deploy", "--dir", dir }, { env = server.env() })
    S.equal(r, { 1, "" }, { r.status, r.stdout }, "status and stdout")
    S.truth(r, r.stderr:find("error: " .. stderr, 1, true) == 1 and select(2, r.stderr:gsub("\n", "")) == 1,
      "not: " .. stderr)
    S.failed(common.tool({ "deploy", "--dir", dir }, { env = server.env() }), 4, code)
    assert.equal(before, #server.requests)
  end

  it("says what it does, in this order of requests, and the digest is that of the bytes", function()
    local dir = common.app { Towerfile = towerfile(), ["main.sh"] = "echo hello\n" }
    local first = #server.requests
    local r = S.status(common.cli({ "deploy", "--dir", dir }, { env = server.env() }), 0)
    local bytes = package_of(server.requests[#server.requests])
    local short = sha256(bytes):sub(1, 12)
    S.equal(r, ("Deploying app hello\nArtifact packaged (%d bytes, sha256:%s)\nVersion 2 created (sha256:%s)\n")
      :format(#bytes, short, short), r.stdout, "stdout")
    S.equal(r, { "GET /api/v1/apps/hello", "POST /api/v1/apps/hello/versions" }, {
      server.requests[first + 1].method .. " " .. server.requests[first + 1].path,
      server.requests[first + 2].method .. " " .. server.requests[first + 2].path }, "requests")
    assert.equal(first + 2, #server.requests)
    assert.truthy(server.requests[#server.requests].body:find('name="artifact"; filename="artifact.tar.gz"', 1, true))
    local j = S.status(common.cli({ "deploy", "-d", dir, "--json" }, { env = server.env() }), 0)
    local data = S.json.decode(j.stdout)
    S.equal(j, { "hello", #bytes, sha256(bytes), 2 },
      { data.app_slug, data.artifact_bytes, data.packaged_sha256, data.version.version_no }, "data")
  end)

  it("takes the current directory by default, and leaves nothing behind", function()
    local dir = common.app { Towerfile = towerfile(), ["main.sh"] = "echo hello\n" }
    S.status(common.cli("deploy", { env = server.env(), cwd = dir }), 0)
    assert.same({ "Towerfile", "main.sh" }, S.tree(dir))
  end)

  it("the same files give the same bytes, whenever and by whomever they were written", function()
    local files = { Towerfile = towerfile(), ["main.sh"] = { text = "echo\n", mode = 493 }, ["z/a.txt"] = "a" }
    local bytes = {}
    for i = 1, 2 do
      local dir = common.app(files)
      assert(uv.fs_utime(dir .. "/main.sh", i * 1000, i * 1000))
      S.status(common.tool({ "deploy", "--dir", dir }, { env = server.env() }), 0)
      bytes[i] = package_of(server.requests[#server.requests])
    end
    assert.equal(bytes[1], bytes[2])
    local entries = tar.entries(tar.gunzip(bytes[1]))
    assert.same({ 420, 493, 0, 0 }, { entries[1].mode, entries[2].mode, entries[2].mtime, entries[2].uid })
  end)

  it("creates the app when the service does not have it", function()
    local fresh = service { ["GET /api/v1/apps/hello"] = common.failure(404, "not_found", "app not found") }
    local dir = common.app { Towerfile = towerfile(), ["main.sh"] = "echo\n" }
    local r = S.status(common.tool({ "deploy", "--dir", dir }, { env = fresh.env() }), 0)
    S.equal(r, true, r.envelope.data.app_created)
    assert.equal('{"slug":"hello"}', fresh.requests[2].body)
    assert.equal("POST /api/v1/apps", fresh.requests[2].method .. " " .. fresh.requests[2].path)
    fresh.close()
  end)

  it("packs what the patterns name, sorted, the Towerfile first, hidden names only where asked for", function()
    local files = { Towerfile = towerfile(), ["main.sh"] = "m", ["lib/a.py"] = "a", ["lib/deep/b.py"] = "b", ["lib/c.txt"] = "c",
      [".env"] = "e", [".git/config"] = "g", ["lib/.hidden/x.py"] = "x", ["ä.txt"] = "ä", ["B.txt"] = "B" }
    local function with(source)
      files.Towerfile = towerfile("source = " .. source .. "\n")
      return (packed(files))
    end
    files.Towerfile = towerfile()
    assert.equal("Towerfile B.txt lib/a.py lib/c.txt lib/deep/b.py main.sh ä.txt", (packed(files)))
    for source, want in pairs {
      ['["./**"]'] = "Towerfile B.txt lib/a.py lib/c.txt lib/deep/b.py main.sh ä.txt",
      ['["*.sh"]'] = "Towerfile main.sh",
      ['["main.sh", "lib/*.py"]'] = "Towerfile lib/a.py main.sh",
      ['["main.sh", "lib/**/*.py"]'] = "Towerfile lib/a.py lib/deep/b.py main.sh",
      ['["./main.sh", "lib/{a,c}.*", "main.*"]'] = "Towerfile lib/a.py lib/c.txt main.sh",
      ['["main.sh", "?.txt", "[A-Z].txt"]'] = "Towerfile B.txt main.sh ä.txt",
      ['["main.sh", ".env"]'] = "Towerfile .env main.sh",
      ['["main.sh", "lib/.hidden/**"]'] = "Towerfile lib/.hidden/x.py main.sh",
      ['["**"]'] = "Towerfile B.txt lib/a.py lib/c.txt lib/deep/b.py main.sh ä.txt",
    } do assert.equal(want, with(source), source) end
  end)

  it("packs links as links, and refuses those that lead out", function()
    local names, entries = packed { Towerfile = towerfile(), ["main.sh"] = "m", ["lib/a.py"] = "a",
      ["lib/up"] = { link = "../main.sh" }, alias = { link = "lib" }, dangling = { link = "nothing-yet" } }
    assert.equal("Towerfile alias -> lib dangling -> nothing-yet lib/a.py lib/up -> ../main.sh main.sh", names)
    assert.equal("2", entries[2].type)
    for _, target in ipairs { "/etc/passwd", "../../outside", "/no/such" } do
      refused({ Towerfile = towerfile(), ["main.sh"] = "m", bad = { link = target } },
        'packaging artifact: the link "bad" leads out of the directory', "PACKAGE_REFUSED")
    end
  end)

  it("a thousand files are one package, and a preview names them without sending any", function()
    local files = { Towerfile = towerfile('source = ["main.sh", "data/**"]\n'), ["main.sh"] = "m" }
    for i = 1, 1000 do files[("data/%04d"):format(i)] = "x" end
    local dir = common.app(files)
    local before = #server.requests
    local r = S.status(common.tool({ "deploy", "--dir", dir, "--dry-run" }, { env = server.env() }), 0)
    S.equal(r, 1002, #r.envelope.data.would_affect.version.files)
    assert.equal(before, #server.requests)
    S.status(common.tool({ "deploy", "--dir", dir }, { env = server.env() }), 0)
    local _, entries = package_of(server.requests[#server.requests])
    assert.equal("Towerfile", entries[1].name)
    assert.equal(1002, #entries)
  end)

  it("a script that no pattern matches is refused", function()
    refused({ Towerfile = towerfile('source = ["lib/*"]\n'), ["main.sh"] = "m", ["lib/a"] = "a" },
      'packaging artifact: script "main.sh" is not matched by any source pattern', "PACKAGE_REFUSED")
    refused({ Towerfile = towerfile() }, 'packaging artifact: script "main.sh" is not matched by any source pattern',
      "PACKAGE_REFUSED")
  end)

  it("a Towerfile that is missing, no TOML, or not valid is refused before any request", function()
    refused({ ["main.sh"] = "m" }, "cannot open Towerfile: ", "TOWERFILE_MISSING")
    refused({ Towerfile = "[app\nname = 1\n" }, "parsing Towerfile: line 1, column 5: ", "TOWERFILE_INVALID")
    refused({ Towerfile = '[app]\nname = "hello"\nname = "hello"\n' }, "parsing Towerfile: line 3, column 1: ", "TOWERFILE_INVALID")
    refused({ Towerfile = ("#"):rep(300 * 1024) }, "cannot open Towerfile: ", "TOWERFILE_INVALID")
    for text, want in pairs {
      [""] = "app.name is required; app.script is required",
      ['app = 1'] = "app must be a table",
      ['[app]\nname = "hello"'] = "app.script is required",
      [towerfile("", "ab")] = 'app.name "ab" must be 3 to 32 small letters, digits and -',
      [towerfile("", "Hello")] = 'app.name "Hello" must be',
      [towerfile("", "1abc")] = 'app.name "1abc" must be',
      [towerfile("", ("a"):rep(33))] = "app.name",
      [towerfile("", "default")] = 'app.name "default" is reserved',
      ['[app]\nname = "hello"\nscript = "main.rb"'] = 'app.script "main.rb" must end in .py or .sh',
      ['[app]\nname = "hello"\nscript = "../main.sh"'] = 'app.script "../main.sh" leaves the directory',
      ['[app]\nname = "hello"\nscript = "/main.sh"'] = 'app.script "/main.sh" leaves the directory',
      [towerfile('source = "x"')] = "app.source must be a list of paths",
      [towerfile('source = ["a/../../x"]')] = 'app.source[0] "a/../../x" leaves the directory',
      [towerfile("import_paths = [1]")] = "app.import_paths[0] must be a path",
      [towerfile("timeout = { seconds = 0 }")] = "app.timeout.seconds must be a whole number from 1",
      [towerfile("timeout = 5")] = "app.timeout must be a table",
      [towerfile('[[parameters]]\ntype = "string"')] = "parameters[0].name is required",
      [towerfile('[[parameters]]\nname = "A"\n[[parameters]]\nname = "A"')] = 'parameters[1].name "A" occurs twice',
      [towerfile('[[parameters]]\nname = "A"\ntype = "date"')] = 'parameters[0].type "date" must be',
      [towerfile('[[parameters]]\nname = "A"\ndefault = 1')] = "parameters[0].default must be of type string",
      [towerfile('[[parameters]]\nname = "A"\ntype = "integer"\ndefault = 1.5')] = "parameters[0].default must be of type integer",
      [towerfile("[parameters]\nname = 1")] = "parameters must be written as [[parameters]]",
    } do
      refused({ Towerfile = text, ["main.sh"] = "m" }, "validating Towerfile: " .. want, "TOWERFILE_INVALID")
    end
  end)

  it("takes every Towerfile that is valid", function()
    for _, more in ipairs {
      "unknown = true\n[other]\nx = 1\n",
      'timeout = { seconds = 1 }\nimport_paths = ["./lib", "lib"]\n',
      '[[parameters]]\nname = "A"\ndescription = "a"\n[[parameters]]\nname = "B"\ntype = "number"\ndefault = 3\n',
      '[[parameters]]\nname = "A"\ntype = "boolean"\ndefault = false\n',
    } do packed { Towerfile = towerfile(more), ["main.sh"] = "m" } end
    packed { Towerfile = '[app]\nname = "hello"\nscript = "./x/../MAIN.SH"\n', ["MAIN.SH"] = "m", ["x/y"] = "" }
  end)

  it("a service that has something else than was sent is an error", function()
    local odd = common.service()
    local dir = common.app { Towerfile = towerfile(), ["main.sh"] = "m" }
    S.failed(common.tool({ "deploy", "--dir", dir }, { env = odd.env() }), 3, "ARTIFACT_DIFFERS")
    S.status(common.cli({ "deploy", "--dir", dir }, { env = odd.env() }), 1)
    odd.close()
  end)

  -- The percents on stderr, and stderr without them.
  local function percents(r)
    local list = {}
    local rest = r.stderr:gsub("\r", ""):gsub("%[INFO%] Uploading [%w.]+: (%d+)%%\n", function(n)
      list[#list + 1] = tonumber(n)
      return ""
    end)
    return list, rest
  end

  -- A directory that does not get smaller when it is packed, and a package of it: 8 MB.
  local function big_app()
    local noise = assert(io.open("/dev/urandom", "rb"))
    local dir = common.app { Towerfile = towerfile(), ["main.sh"] = "echo\n", noise = noise:read(8 << 20) }
    noise:close()
    local file = S.dir() .. "/big.tar.gz"
    assert.equal(0, S.run({ "tar", "-C", dir, "-czf", file, "Towerfile", "main.sh", "noise" }, {}).status)
    return dir, file
  end

  it("an upload says on a terminal how far it is, and nothing in a pipe", function()
    local slow = service()
    slow.pause_ms = 20
    local dir, file = big_app()
    local upload = { "versions", "upload", "--app", "hello", "--file", file }
    for _, one in ipairs { { common.cli, upload, "big" }, { common.tool, { "deploy", "--dir", dir }, "artifact" } } do
      local r = S.status(one[1](one[2], S.terminal { shape = "none", env = slow.env() }), 0)
      local list, rest = percents(r)
      S.truth(r, #list >= 2 and list[1] >= 10 and list[#list] <= 100, "it does not move")
      for i = 2, #list do S.truth(r, list[i] >= list[i - 1] + 10, "steps are smaller than ten percent") end
      S.truth(r, rest:find("[INFO] Uploading " .. one[3] .. ".tar.gz\n", 1, true), "it does not begin")
    end
    local r = S.status(common.cli(upload, { env = slow.env() }), 0)
    S.equal(r, "", r.stderr, "stderr")
    r = S.status(common.tool({ "deploy", "--dir", dir, "--verbose" }, { env = slow.env() }), 0)
    S.truth(r, #percents(r) >= 2, "--verbose does not tell")
    slow.close()
  end)

  it("an upload that is stopped or breaks off halfway ends at once", function()
    local slow = service()
    slow.pause_ms = 50
    local _, file = big_app()
    local args = { "versions", "upload", "--app", "hello", "--file", file }
    local r = common.cli(args, S.terminal { shape = "none", env = slow.env(),
      signals = { { "TERM", when_stderr = "big.tar.gz: " } } })
    S.equal(r, 143, r.status)
    table.move({ "--timeout", "1s" }, 1, 2, #args + 1, args)
    r = common.tool(args, { env = slow.env() })
    S.failed(r, 10, "TIMEOUT")
    S.truth(r, r.elapsed_ms < 2500, "the time limit does not end it")
    slow.close()
  end)

  it("without a token nothing is read", function()
    says("deploy --server http://127.0.0.1:1", { status = 1,
      stderr = "error: API token is required (--token, MINITOWER_API_TOKEN, or config profile)\n" },
      { env = { HOME = S.dir "home" }, cwd = S.dir() })
  end)
end)
