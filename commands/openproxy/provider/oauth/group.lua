return { about = "Logins of the proxy at its providers" }
