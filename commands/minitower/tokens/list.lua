return require("lib.absent")("tokens list", "List the API tokens of the team", {},
  "See whose token this is with `minitower-cli me`")
