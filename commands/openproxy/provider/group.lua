return { about = "The providers behind the proxy" }
