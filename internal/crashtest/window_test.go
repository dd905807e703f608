package crashtest

func windowScenarios() []scenario { return nil }
