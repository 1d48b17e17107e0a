-- `minitower-cli` takes long flags with one dash, as the program did that it stands in for; `tool minitower` does not.
local S = require "lib.spec"
local common = require "suites.minitower.common"
local cli, says = common.cli, common.says

-- With one dash, what it means.
local SAME = {
  { "runs list -app hello -status queued -limit 1", "runs list --app hello --status queued --limit 1" },
  { "runs list -app=hello -limit=20 -json", "runs list --app=hello --limit=20 --json" },
  { "-app hello runs list -json", "runs list --app hello -j" },
  { "-json -app=hello runs list", "runs list --app hello -j" },
  { 'runs create -app hello -input {"A":1} -version 2 -priority -1 -max-retries=0',
    'runs create --app hello --input {"A":1} --version-no 2 --priority -1 --max-retries 0' },
  { "runs create -version=2 -app hello", "runs create --app hello --version 2" },
  { "runs watch -status-only -interval 50ms 42", "runs watch --status-only 42" },
  { "runs logs 42 -follow", "runs logs 42 -f" },
  { "runs logs -after-seq 1 42", "runs logs 42 --after-seq 1" },
  { "versions get -app hello 2", "versions get 2 --app hello" },
  { "apps create -slug hello -description -draft", "apps create hello --description=-draft" },
  { "tokens create -name ci -role=member", "tokens create --name ci --role member" },
  { "run hello -parameter NAME=Ada -detached", "run hello -p NAME=Ada -d" },
  { "runs list -help", "runs list --help" },
  { "-help", "--help" },
}

-- Short flags, also where their letters or values look like a name.
local SHORT = {
  { "run hello -pNAME=Ada -d", '{"input":{"NAME":"Ada"}}' }, { "run hello -jd", "{}" }, { "run hello -dj", "{}" },
  { "apps create -nhello", '{"description":null,"slug":"hello"}' },
  { "apps create -n=hello", '{"description":null,"slug":"hello"}' },
}

S.req("MINITOWER-ONE-DASH", "flags with one dash", function()
  local server

  setup(function() server = common.service() end)
  teardown(function() server.close() end)

  local function outcome(args)
    local before = #server.requests
    local r = S.status(cli(args, { env = server.env() }), 0)
    local request = server.requests[#server.requests]
    return { r.stdout, r.stderr, #server.requests > before and request.method .. " " .. request.target .. " " .. request.body }, r
  end

  it("mean the same as with two", function()
    for _, pair in ipairs(SAME) do
      local got, r = outcome(pair[1])
      S.equal(r, outcome(pair[2]), got, pair[1])
    end
  end)

  it("leave the short ones as they are", function()
    for _, pair in ipairs(SHORT) do
      local got, r = outcome(pair[1])
      S.truth(r, got[3] and got[3]:sub(-#pair[2] - 1) == " " .. pair[2], pair[1])
    end
  end)

  it("one that does not exist is named as it was written, and nothing is sent", function()
    local before = #server.requests
    for _, args in ipairs { "runs list -foo", "runs list -foo=bar", "runs list -foo bar", "-foo", "runs -foo", "-foo runs list",
        "apps get hello -foo" } do
      says(args, { status = 1, stderr = "error: There is no option -foo\n" }, { env = server.env() })
    end
    -- flags of the host, which the program did not have
    for _, name in ipairs { "-output", "-timeout", "-version" } do
      says("runs list " .. name .. " json", { status = 1,
        stderr = ("error: There is no option %s; did you mean -%s?\n"):format(name, name) },
        { env = server.env() })
    end
    assert.equal(before, #server.requests)
  end)

  it("behind -- they are no flags", function()
    local r = cli({ "apps", "get", "--", "-json" }, { env = server.env() })
    S.truth(r, r.status == 1 and not r.stdout:find("{", 1, true), "taken for a flag")
  end)

  it("a token behind -token is in no output and no log", function()
    for _, form in ipairs { { "-token", "mtk_on-the-line-0123456789" }, { "-token=mtk_on-the-line-0123456789" } } do
      local home = S.dir "home"
      local r = S.status(cli({ "me", "--debug", table.unpack(form) }, { env = server.env { HOME = home } }), 0)
      S.truth(r, not (r.stdout .. r.stderr):find("on-the-line", 1, true), "the token is shown")
      local log = S.slurp(home .. "/.local/share/tool/audit.jsonl")
      S.truth(r, not log:find("on-the-line", 1, true), "the token is in the audit log")
      assert.equal("Bearer mtk_on-the-line-0123456789", server.requests[#server.requests].headers.authorization)
    end
  end)

  it("are none for tool minitower", function()
    local before = #server.requests
    for _, pair in ipairs(SAME) do
      if pair[1] ~= "-help" then S.status(common.tool(pair[1], { env = server.env() }), 2) end
    end
    assert.equal(before, #server.requests)
  end)
end)
