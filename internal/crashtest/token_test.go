package crashtest

func tokenScenarios() []scenario { return nil }
