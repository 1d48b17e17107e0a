return { about = "Runners: where runs happen" }
