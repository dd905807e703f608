package crashtest

func commandScenarios() []scenario { return nil }
