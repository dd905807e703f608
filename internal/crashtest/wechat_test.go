package crashtest

func wechatScenarios() []scenario { return nil }
