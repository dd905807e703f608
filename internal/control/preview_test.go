package control

import (
	"testing"

	"pushd"
)

func TestTestProblem_NamesTheField(t *testing.T) {
	for _, c := range []struct {
		answer pushd.Answer
		code   pushd.ProblemCode
		field  string
	}{
		{pushd.Answer{Verdict: pushd.Fatal, Code: 47003, Text: "argument invalid! data.thing1.value invalid"}, pushd.CodeInvalid, "fields.thing1"},
		{pushd.Answer{Verdict: pushd.Skip, Code: 43004, Text: "require subscribe"}, pushd.CodeInvalid, "openid"},
		{pushd.Answer{Verdict: pushd.Fatal, Code: 48001, Text: "api unauthorized"}, pushd.CodeWeChatRefused, ""},
	} {
		p, ok := testProblem(c.answer).(*pushd.Problem)
		if !ok || p.Code != c.code || p.Field != c.field {
			t.Errorf("%+v: %+v", c.answer, p)
		}
	}
	if err := testProblem(pushd.Answer{}); err != nil {
		t.Errorf("a good answer: %v", err)
	}
}
