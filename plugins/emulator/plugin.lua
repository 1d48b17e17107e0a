-- Local emulators of the services that the shipped suites drive.
return {
  name = "emulator",
  version = "0.1.0",
  about = "Local emulators of the services that the suites drive",
  api = 1,
}
