package crashtest

func databaseScenarios() []scenario { return nil }
