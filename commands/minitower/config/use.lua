return require("lib.commands").use_profile "minitower-cli config use default"
