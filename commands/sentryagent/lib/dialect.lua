-- What `sentryagent` as a program of its own does differently. Promise: Ctrl+C is the way to end the audit log, so it
-- is a success there, and --yes (or the answer to the question) is all that a rotation needs; everything else speaks as
-- `tool sentryagent` does.

return {
  commands = {
    ["tail-audit-log"] = { exits = { [130] = 0 } },
    ["rotate-credentials"] = { confirm = "yes" },
  },
}
