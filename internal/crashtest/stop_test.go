package crashtest

func stopScenarios() []scenario { return nil }
