return { about = "Profiles: which service, team and app" }
