-- Runs `tool emulator start minitower` beside a test, and speaks its API: the team's side and the runner's.
local S = require "lib.spec"
local assert = require "luassert"
local emulator = require "lib.emulator"

local minitower = {}

--- A Towerfile for a shell script.
minitower.SHELL = '[app]\nname = "job"\nscript = "main.sh"\n'

--- The names of the fields of a table, sorted, in one text.
function minitower.keys(t)
  local list = {}
  for k in pairs(t) do list[#list + 1] = k end
  table.sort(list)
  return table.concat(list, " ")
end

--- A .tar.gz of { { name, text }, … } in this order; a name may be given with a directory.
function minitower.pack(files)
  local dir, names = S.dir "pack", {}
  for i, file in ipairs(files) do
    local folder = file[1]:match "^(.*)/"
    if folder then assert(os.execute(("mkdir -p '%s/%s'"):format(dir, folder))) end
    S.spit(dir .. "/" .. file[1], file[2])
    names[i] = "'" .. file[1] .. "'"
  end
  local out = S.dir "packed" .. "/a.tar.gz"
  assert(os.execute(("tar -C '%s' -czf '%s' -- %s"):format(dir, out, table.concat(names, " "))))
  return S.slurp(out)
end

--- The options of a request that uploads bytes.
function minitower.multipart(bytes, name, filename)
  return { body = ('--b0\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n--b0--\r\n'):format(name or "artifact",
    filename == false and "" or '; filename="artifact.tar.gz"', "\0"):gsub("%z", function() return bytes end),
    headers = { ["Content-Type"] = "multipart/form-data; boundary=b0" } }
end

--- An emulator with helpers bound to it. e.token is of the team `acme`, unless flags say --seed.
function minitower.start(flags, opts)
  opts = opts or {}
  opts.service = "minitower"
  local e = emulator.start(flags or "--ephemeral", opts)

  -- A call with the team's token, or another one.
  function e.api(method, path, json, token, more)
    local o = more or {}
    o.json = o.json or json
    o.headers = o.headers or {}
    if token ~= false then o.headers.Authorization = "Bearer " .. (token or e.token or "none") end
    return e.request(method, "/api/v1" .. path, o)
  end

  function e.ok(status, ...)
    local a = e.api(...)
    assert.equal(status, a.status, a.body)
    return a.json
  end

  -- The status and the code of an error that has the API's form.
  function e.refused(...)
    local a = e.api(...)
    assert.equal("error", minitower.keys(a.json), a.body)
    assert.equal("code message", minitower.keys(a.json.error))
    assert.equal("\n", a.body:sub(-1))
    return a.status .. " " .. a.json.error.code, a.json.error.message
  end

  function e.upload(app, files, token)
    local bytes = type(files) == "table" and minitower.pack(files) or files
    return e.api("POST", "/apps/" .. app .. "/versions", nil, token, minitower.multipart(bytes))
  end

  -- An app with one version that runs this script.
  function e.app(slug, script, towerfile)
    e.ok(201, "POST", "/apps", { slug = slug })
    local a = e.upload(slug, { { "Towerfile", towerfile or minitower.SHELL }, { "main.sh", script or "echo hi\n" } })
    assert.equal(201, a.status, a.body)
    return a.json
  end

  function e.run(app, body) return e.ok(201, "POST", "/apps/" .. app .. "/runs", body or S.json.object {}).run_id end

  function e.get(id) return e.ok(200, "GET", "/runs/" .. id) end

  function e.lines(id, after)
    local out = {}
    for i, l in ipairs(e.ok(200, "GET", "/runs/" .. id .. "/logs" .. (after and "?after_seq=" .. after or "")).logs) do
      assert.equal("line logged_at seq stream", minitower.keys(l))
      assert.equal((after or 0) + i, l.seq)
      out[i] = l.stream .. ":" .. l.line
    end
    return out
  end

  -- Waits until the run has this status; returns the run.
  function e.await(id, status, limit)
    local run
    S.driver.wait_for(function()
      run = e.get(id)
      return run.status == status or ("completed failed cancelled dead"):find(run.status, 1, true)
    end, limit or 20000)
    assert.equal(status, run.status, table.concat(e.lines(id), "\n"))
    return run
  end

  -- The program's own lines: what comes after the set-up.
  function e.said(id)
    local lines = e.lines(id)
    assert.equal("stderr:downloading run artifact", lines[1])
    assert.truthy(lines[2]:find "^stderr:artifact unpacked %(sha256: %x+%)$")
    return table.move(lines, 3, #lines, 1, {})
  end

  -- A runner of the protocol.
  function e.runner(name, environment)
    local r = e.ok(201, "POST", "/runners/register", { name = name, environment = environment }, e.row.registration_token)
    function r.lease() return e.api("POST", "/runs/lease", nil, r.token) end
    function r.call(lease, what, json, token)
      return e.api("POST", ("/runs/%d/%s"):format(lease.run_id, what), json, r.token,
        { headers = { ["X-Lease-Token"] = token or lease.lease_token } })
    end
    return r
  end

  if e.row.token then
    e.token = e.row.token
  elseif not opts.bare then
    e.token = e.ok(201, "POST", "/teams/signup", { slug = "acme", name = "Acme", password = "hunter2" }, false).token
  end
  return e
end

return minitower
