return require("lib.commands").use_profile "minitower-cli teams switch default"
