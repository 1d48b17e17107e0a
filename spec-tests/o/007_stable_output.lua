-- REQ-O-007: equal calls give equal bytes.
local S = require "lib.spec"

local function twice(args, opts)
  args[#args + 1] = "--stable-output"
  local first = S.status(S.tool(args, opts), 0)
  S.driver.pause(20)
  local second = S.status(S.tool(args, opts), 0)
  assert.equal(first.stdout, second.stdout)
  return first
end

S.req("REQ-O-007", "--stable-output flag", function()
  it("1 it is on every command", function()
    assert.truthy(S.status(S.tool { "manifest" }, 0).envelope.meta.global_flags["stable-output"])
    for _, args in ipairs { { "manifest" }, { "doctor" }, { "fx", "ok" } } do
      args[#args + 1], args[#args + 2] = "--stable-output", "--help"
      S.status(S.tool(args, { shape = "json" }), 0)
    end
  end)

  it("2 two runs are byte-identical: objects, lists, text, streams, steps, in every format", function()
    local opts = { env = { TOOL_TRACE_ID = "t1" } }
    twice({ "fx", "random" }, opts)
    twice({ "fx", "list", "--limit", "3" }, opts)
    twice({ "fx", "arrays" }, opts)
    for _, format in ipairs { "jsonl", "tsv", "plain", "table" } do twice { "fx", "random", "--output", format } end
    twice { "fx", "ticks", "--n", "2", "--stream" }
    twice { "manifest" }
  end)

  it("3 meta has neither request_id nor timestamp, nor anything else of this run only", function()
    local meta = twice({ "fx", "random" }, { env = { TOOL_TRACE_ID = "t1" } }).envelope.meta
    for _, key in ipairs { "request_id", "timestamp", "trace_id", "session_tmp_dir", "cache_used" } do
      assert.is_nil(meta[key], key)
    end
    assert.equal(0, meta.duration_ms)
    for _, key in ipairs { "command", "tool_version", "cwd", "timeout_ms", "effective_config_hash" } do
      assert.truthy(meta[key] ~= nil, key)
    end
  end)

  it("4 arrays are sorted, as they are without the flag", function()
    local r = twice { "fx", "random" }
    S.equal(r, { "a", "b" }, { table.unpack(r.envelope.data.tags) }, "tags")
  end)

  it("5 fields that are declared to differ are left out", function()
    local r = twice { "fx", "random" }
    S.equal(r, nil, r.envelope.data.nonce, "nonce")
    S.equal(r, nil, r.envelope.data.fetched_at, "fetched_at")
    S.equal(r, "r", r.envelope.data.id, "id")
    local plain = S.status(S.tool { "fx", "random" }, 0)
    S.truth(plain, plain.envelope.data.nonce and plain.envelope.data.fetched_at, "they are missing without the flag")
    assert.same({ "fetched_at", "nonce" }, S.contract("fx random").nondeterministic_fields)
  end)

  it("signs of life are off, whatever was asked for", function()
    local r = S.status(S.tool { "fx", "slow-steps", "--for", "500ms", "--heartbeat-ms", "50", "--stable-output" }, 0)
    S.equal(r, 1, #S.lines(r.stdout), "lines")
  end)

  it("it changes nothing of a result without volatile fields", function()
    local key = "sk-" .. ("a1B2"):rep(10)
    local values = {
      '{"tags":[]}', '{"tags":["a"],"word":"x","owner":"me","count":3,"share":0.5,"ready":false}',
      '{"tags":["b","a"],"steps":["z","y"]}', '{"tags":["a"],"steps":[],"token":null,"owner":null}',
      '{"tags":[],"rows":[{"id":"2","note":"n"},{"id":"1"}]}', '{"tags":[],"rows":[{"id":"2","note":"n"}]}',
      '{"tags":[],"rows":[{"id":"2"}]}', '{"tags":[],"box":{"name":"n"}}', '{"tags":[],"box":{"name":"n","size":1}}',
      '{"tags":[],"more":{"x":[3,1,2],"y":{},"z":[]}}', '{"tags":["' .. key .. '"]}', '{"tags":[],"word":"' .. key .. '"}',
      '{"tags":[],"more":{"deep":["' .. ("QUJD"):rep(20) .. '"]}}', '{"tags":[],"word":"a\\u001b[31mred\\ud800","share":1e3}',
      '{"tags":[],"count":9007199254740993,"more":[[],[{}],null]}',
    }
    for i = 1, #values do -- the same with nothing left to be filled in
      if not values[i]:find '"owner"' then values[#values + 1] = '{"owner":"me","token":null,' .. values[i]:sub(2) end
    end
    local jobs = {}
    for _, value in ipairs(values) do
      jobs[#jobs + 1] = { { "fx", "flat", value } }
      jobs[#jobs + 1] = { { "fx", "flat", value, "--stable-output" } }
    end
    local results = S.tool_all(jobs, 4)
    for i = 1, #results, 2 do
      local function data(r) return S.status(r, 0).stdout:match('^{"ok":true,"data":(.-),"error":null') end
      assert.equal(data(results[i + 1]), data(results[i]), values[(i + 1) // 2])
    end
  end)
end)
