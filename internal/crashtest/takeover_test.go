package crashtest

func takeoverScenarios() []scenario { return nil }
