package crashtest

func clockScenarios() []scenario { return nil }
