-- REQ-F-055: without a terminal no editor opens.
local S = require "lib.spec"

-- An editor that leaves a mark and changes the text.
local function editor(dir)
  local path = S.spit(dir .. "/editor", "#!/bin/sh\ntouch " .. dir .. "/marker\n[ -t 0 ] && [ -t 1 ] && "
    .. "printf 'edited\\n' > \"$1\"\n")
  S.run({ "chmod", "+x", path }, {})
  return path, dir .. "/marker"
end

S.req("REQ-F-055", "$EDITOR and $VISUAL no-op in non-TTY mode", function()
  it("1 programs find an editor that does nothing", function()
    local r = S.status(S.tool({ "fx", "child", "env" }, { env = { EDITOR = "vim", VISUAL = "vim" } }), 0)
    for _, name in ipairs { "EDITOR", "VISUAL", "GIT_EDITOR" } do
      S.truth(r, ("\n" .. r.envelope.data.stdout):find("\n" .. name .. "=true\n", 1, true), name)
    end
  end)

  it("2 git commit through the API opens none and ends", function()
    local repo, dir = S.dir "repo", S.dir()
    local path, marker = editor(dir)
    S.run({ "git", "init", "-q", repo }, {})
    local r = S.tool({ "fx", "git", "--repo", repo, "commit", "--", "--allow-empty" }, { env = { EDITOR = path, VISUAL = path } })
    S.status(r, 0)
    S.truth(r, r.envelope.data.status ~= 0 and not S.exists(marker), "the editor ran, or git did not miss the message")
    r = S.tool({ "fx", "git", "--repo", repo, "--message", "a message", "commit", "--", "--allow-empty" },
      { env = { EDITOR = path } })
    S.equal(r, 0, r.envelope.data.status, "status of git")
  end)

  it("3 and 4 a command that needs the editor exits 4 and names what does instead", function()
    local dir = S.dir()
    local path, marker = editor(dir)
    for _, opts in ipairs { {}, { stdin = "pty" }, { stdin = "open" } } do
      opts.env = { EDITOR = path }
      local r = S.tool({ "fx", "note" }, opts)
      local e = S.failed(r, 4, "EDITOR_REQUIRED")
      S.equal(r, S.json.array { { description = "Text given inline", flag = "--message" },
        { description = "Text taken from a file", flag = "--from-file" } }, e.alternatives, "alternatives")
      S.truth(r, e.hint:find("use --message <text> instead", 1, true), "hint")
      S.equal(r, "validation", e.phase, "phase")
      S.equal(r, false, e.retryable, "retryable")
      S.truth(r, not S.exists(marker), "the editor ran")
    end
  end)

  it("4 the alternatives work without a terminal", function()
    local r = S.status(S.tool { "fx", "note", "--message", "said" }, 0)
    S.equal(r, "said", r.envelope.data.text, "text")
    local file = S.spit(S.dir() .. "/text", "from a file\n")
    r = S.status(S.tool { "fx", "note", "--from-file", file }, 0)
    S.equal(r, "from a file\n", r.envelope.data.text, "text")
  end)

  it("5 between terminals the editor of the caller opens and its text counts", function()
    for _, name in ipairs { "EDITOR", "VISUAL" } do
      local path, marker = editor(S.dir())
      local r = S.tool({ "fx", "note", "--output", "json" }, S.terminal { env = { [name] = path } })
      S.status(r, 0)
      S.truth(r, S.exists(marker), "the editor did not run")
      S.truth(r, r.stdout:find('"text":"edited\\n"', 1, true), "the text")
    end
  end)
end)
