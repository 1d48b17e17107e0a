return { about = "Runs of apps: start, watch, cancel" }
