package api

import (
	"fmt"
	"strings"
	"testing"

	"pushd"
)

// bad is a request that is refused, and how.
type bad struct {
	name        string
	method      string // POST if empty
	path        string // /v1/jobs if empty
	contentType string // JSON if empty
	body        string
	status      int
	code        pushd.ProblemCode
	field       string
	detail      string // a part of the words
}

// with is a good body with one thing more.
func with(more string) string { return `{"actid":42,"appid":"wx01",` + more + `}` }

// badRequests is every way to get it wrong that we could think of.
var badRequests = []bad{
	{name: "first below zero", body: with(`"first":-1`), status: 422, code: pushd.CodeInvalid, field: "first"},
	{name: "first of a job that goes on", body: with(`"first":5,"continue":true`), status: 422, code: pushd.CodeInvalid, field: "first", detail: "new job"},
	{name: "job of a POST that neither continues nor restarts", body: with(`"job":"k3v9x0a1b2c3d4e5f6g7"`), status: 422, code: pushd.CodeInvalid, field: "job", detail: "belongs to"},
	{name: "job that is no id", body: with(`"restart":true,"job":"../x"`), status: 422, code: pushd.CodeInvalid, field: "job"},
	{name: "force that is neither", body: with(`"force":"yes please"`), status: 422, code: pushd.CodeInvalid, field: "force"},
	// Not a body at all.
	{name: "JSON cut off", body: `{"actid":42,`, status: 400, code: codeMalformed, detail: "line 1, column 12"},
	{name: "JSON with a comma too many", body: "{\n \"actid\": 42,\n}", status: 400, code: codeMalformed, detail: "invalid character '}' looking for beginning of object key string at line 3, column 1"},
	{name: "JSON with single quotes", body: `{'actid':42}`, status: 400, code: codeMalformed, detail: "line 1, column 2"},
	{name: "JSON and something behind it", body: `{"actid":42,"appid":"wx01"} x`, status: 400, code: codeMalformed, detail: "column 29"},
	{name: "two JSON objects", body: `{"actid":42}{"actid":42}`, status: 400, code: codeMalformed, detail: "column 13"},
	{name: "JSON list", body: `[{"actid":42}]`, status: 400, code: codeMalformed, detail: "must be one JSON object"},
	{name: "JSON text", body: `"actid"`, status: 400, code: codeMalformed, detail: "must be one JSON object"},
	{name: "JSON null", body: `null`, status: 400, code: codeMalformed, detail: "must be one JSON object"},
	{name: "only spaces", body: `  `, status: 400, code: codeMalformed},
	{name: "GBK instead of UTF-8", body: "{\"actid\":42,\"data\":{\"thing1\":\"\xb4\xba\"}}", status: 400, code: codeMalformed, detail: "not UTF-8 at line 1, column 31"},
	{name: "byte order mark", body: "\ufeff{}", status: 400, code: codeMalformed, detail: "column 1"},
	{name: "JSON sent as a form", contentType: asForm, body: `{"actid":42,"appid":"wx01"}`, status: 400, code: codeMalformed, detail: "Content-Type: application/json"},
	{name: "form with a broken escape", contentType: asForm, body: `actid=42&appid=%zz`, status: 400, code: codeMalformed, field: "appid"},
	{name: "form with a broken escape in a name", contentType: asForm, body: `act%id=42`, status: 400, code: codeMalformed},
	{name: "form in GBK", contentType: asForm, body: `actid=42&appid=wx01&data[thing1]=%b4%ba`, status: 400, code: codeMalformed, field: "data.thing1"},
	{name: "nested 5,000 deep", body: strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), status: 422, code: pushd.CodeInvalid, field: "a.a.a.a", detail: "nested too deeply"},
	{name: "nested 20,000 deep", body: strings.Repeat(`[`, 20000) + strings.Repeat("]", 20000), status: 400, code: codeMalformed},
	{name: "more than 64 KiB", body: with(`"url":"` + strings.Repeat("a", 64<<10) + `"`), status: 413, code: codeTooLarge},
	{name: "YAML", contentType: "application/yaml", body: "actid: 42", status: 415, code: codeMediaType},
	{name: "no type", contentType: "-", body: `{}`, status: 415, code: codeMediaType, detail: "Content-Type is missing"},
	{name: "a type that can't be read", contentType: "application/json; charset", body: `{}`, status: 415, code: codeMediaType},
	{name: "charset GBK", contentType: "application/json; charset=gbk", body: `{}`, status: 415, code: codeMediaType, detail: "UTF-8"},
	{name: "PHP's array as CURLOPT_POSTFIELDS", contentType: "multipart/form-data; boundary=x", body: "--x--", status: 415, code: codeMediaType, detail: "http_build_query"},

	// Of a hold.
	{name: "a reason of two lines", method: "PUT", path: "/v1/hold", body: `{"reason":"a\nb"}`, status: 422, code: pushd.CodeInvalid, field: "reason", detail: "a line"},
	{name: "a reason too long", method: "PUT", path: "/v1/hold", body: `{"reason":"` + strings.Repeat("a", 1001) + `"}`, status: 422, code: pushd.CodeInvalid, field: "reason"},
	{name: "no reason but another word", method: "PUT", path: "/v1/accounts/wx01/hold", body: `{"why":"x"}`, status: 422, code: pushd.CodeInvalid, field: "why"},
	{name: "holding what is no account", method: "PUT", path: "/v1/accounts/w.x/hold", body: `{}`, status: 404, code: codeNotFound},

	// Of a receipt.
	{name: "a receipt of no account", path: receiptsPath, body: receiptXML("oA1", "success"), status: 422, code: pushd.CodeInvalid, field: "appid"},
	{name: "a receipt of what can't be an account", path: receiptsPath + "?appid=wx%2001", body: receiptXML("oA1", "success"), status: 422, code: pushd.CodeInvalid, field: "appid"},
	{name: "a receipt cut off", path: receiptsPath + "?appid=wx01", body: "<xml><Event>TEMPLATESENDJOBFINISH</Event>", status: 400, code: codeMalformed},
	{name: "a receipt without an openid", path: receiptsPath + "?appid=wx01", body: receiptXML("", "success"), status: 422, code: pushd.CodeInvalid, field: "FromUserName"},
	{name: "a receipt of an odd openid", path: receiptsPath + "?appid=wx01", body: receiptXML("o A", "success"), status: 422, code: pushd.CodeInvalid, field: "FromUserName"},
	{name: "a receipt without a status", path: receiptsPath + "?appid=wx01", body: receiptXML("oA1", " "), status: 422, code: pushd.CodeInvalid, field: "Status"},
	{name: "a receipt of no time", path: receiptsPath + "?appid=wx01", body: strings.Replace(receiptXML("oA1", "success"), "1772366400", "0", 1), status: 422, code: pushd.CodeInvalid, field: "CreateTime"},
	{name: "a receipt that is encrypted", path: receiptsPath + "?appid=wx01", body: "<xml><ToUserName>gh</ToUserName><Encrypt>x</Encrypt></xml>", status: 422, code: codeReceiptEncrypted, detail: "plain or the compatible mode"},
	{name: "a receipt of more than 64 KiB", path: receiptsPath + "?appid=wx01", body: receiptXML("oA1", strings.Repeat("a", 64<<10)), status: 413, code: codeTooLarge, detail: "a receipt of WeChat's has less than"},
	{name: "a list by another word than a receipt's", method: "GET", path: "/v1/jobs/" + theJob + "/recipients?receipt=lost", status: 422, code: pushd.CodeInvalid, field: "receipt", detail: "blocked"},

	// Of an audience.
	{name: "an audience of another name", body: with(`"audience":"everyone"`), status: 422, code: pushd.CodeInvalid, field: "audience", detail: "tag:ID"},
	{name: "a tag without its number", body: with(`"audience":"tag:"`), status: 422, code: pushd.CodeInvalid, field: "audience"},
	{name: "tag 0", body: with(`"audience":"tag:0"`), status: 422, code: pushd.CodeInvalid, field: "audience"},
	{name: "a tag with a sign", body: with(`"audience":"tag:+7"`), status: 422, code: pushd.CodeInvalid, field: "audience"},
	{name: "a tag beyond all", body: with(`"audience":"tag:99999999999"`), status: 422, code: pushd.CodeInvalid, field: "audience"},
	{name: "an audience that is a number", body: with(`"audience":101`), status: 422, code: pushd.CodeInvalid, field: "audience"},
	{name: "an audience that is a list", body: with(`"audience":["tag:101"]`), status: 422, code: pushd.CodeInvalid, field: "audience"},
	{name: "a tag as an object with nothing in it", body: with(`"audience":{"tagId":null}`), status: 422, code: pushd.CodeInvalid, field: "audience.tagId", detail: "is required"},
	{name: "a tag as an object, and 0", body: with(`"audience":{"tagId":0}`), status: 422, code: pushd.CodeInvalid, field: "audience.tagId"},
	{name: "a tag as an object, called id", body: with(`"audience":{"id":101}`), status: 422, code: pushd.CodeInvalid, field: "audience.id"},

	// The required fields.
	{name: "nothing", contentType: "-", status: 422, code: pushd.CodeInvalid, field: "actid", detail: "is required"},
	{name: "an empty object", body: `{}`, status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "an empty PHP array", body: `[]`, status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "actid null", body: `{"actid":null,"appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid", detail: "is required"},
	{name: "actid empty in a form", contentType: asForm, body: `actid=&appid=wx01`, status: 422, code: pushd.CodeInvalid, field: "actid", detail: "is required"},
	{name: "actid 0", body: `{"actid":0,"appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid", detail: "must be from 1"},
	{name: "actid negative", body: `{"actid":"-42","appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "actid a fraction", body: `{"actid":4.2,"appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid", detail: "whole number"},
	{name: "actid with an exponent", body: `{"actid":4e2,"appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "actid in words", body: `{"actid":"forty-two","appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "actid with a space", contentType: asForm, body: `actid=+42&appid=wx01`, status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "actid true", body: `{"actid":true,"appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "actid a list", body: `{"actid":[42],"appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "actid beyond 64 bits", body: `{"actid":9223372036854775808,"appid":"wx01"}`, status: 422, code: pushd.CodeInvalid, field: "actid", detail: "must be from 1"},
	{name: "actid twice", body: `{"actid":42,"appid":"wx01","actid":43}`, status: 422, code: pushd.CodeInvalid, field: "actid", detail: "given twice"},
	{name: "actid twice in a form", contentType: asForm, body: `actid=42&appid=wx01&actid=42`, status: 422, code: pushd.CodeInvalid, field: "actid", detail: "given twice"},
	{name: "no appid", body: `{"actid":42}`, status: 422, code: pushd.CodeInvalid, field: "appid", detail: "is required"},
	{name: "appid a number", body: `{"actid":42,"appid":1}`, status: 422, code: pushd.CodeInvalid, field: "appid", detail: "must be text"},
	{name: "appid with a space", body: `{"actid":42,"appid":"wx 01"}`, status: 422, code: pushd.CodeInvalid, field: "appid"},
	{name: "appid of 65 letters", body: `{"actid":42,"appid":"` + strings.Repeat("w", 65) + `"}`, status: 422, code: pushd.CodeInvalid, field: "appid"},

	// Fields nobody knows.
	{name: "an unknown field", body: with(`"actId":42`), status: 422, code: pushd.CodeInvalid, field: "actId", detail: "it is called actid"},
	{name: "the token in snake case", body: with(`"access_token":"t"`), status: 422, code: pushd.CodeInvalid, field: "access_token", detail: "it is called accessToken"},
	{name: "an unknown field in a form", contentType: asForm, body: `actid=42&appid=wx01&color=red`, status: 422, code: pushd.CodeInvalid, field: "color", detail: "known are actid"},
	{name: "a field name that is a sentence", body: with(`"who knows what":1`), status: 422, code: pushd.CodeInvalid},
	{name: "WeChat's color", body: with(`"data":{"thing1":{"value":"a","color":"#f00"}}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1.color", detail: "unknown field"},

	// The optional fields.
	{name: "token with a line break", body: with(`"accessToken":"a\nb"`), status: 422, code: pushd.CodeInvalid, field: "accessToken"},
	{name: "token in Chinese", body: with(`"accessToken":"令牌"`), status: 422, code: pushd.CodeInvalid, field: "accessToken"},
	{name: "token of 1025 bytes", body: with(`"accessToken":"` + strings.Repeat("t", 1025) + `"`), status: 422, code: pushd.CodeInvalid, field: "accessToken"},
	{name: "token an object", body: with(`"accessToken":{"access_token":"t"}`), status: 422, code: pushd.CodeInvalid, field: "accessToken", detail: "must be text"},
	{name: "token's life in words", body: with(`"accessTokenExpiresIn":"2h"`), status: 422, code: pushd.CodeInvalid, field: "accessTokenExpiresIn"},
	{name: "token's life a date", body: with(`"accessTokenExpiresIn":1772366400`), status: 422, code: pushd.CodeInvalid, field: "accessTokenExpiresIn"},
	{name: "template with a slash", body: with(`"templateId":"a/b"`), status: 422, code: pushd.CodeInvalid, field: "templateId"},
	{name: "url of another scheme", body: with(`"url":"javascript:alert(1)"`), status: 422, code: pushd.CodeInvalid, field: "url", detail: "http or https"},
	{name: "url without a host", body: with(`"url":"https:///live"`), status: 422, code: pushd.CodeInvalid, field: "url"},
	{name: "url without a scheme", body: with(`"url":"live.example.com"`), status: 422, code: pushd.CodeInvalid, field: "url"},
	{name: "url with a space", body: with(`"url":"https://live.example.com/a b"`), status: 422, code: pushd.CodeInvalid, field: "url"},
	{name: "mini program without appid", body: with(`"miniprogram":{"pagepath":"p"}`), status: 422, code: pushd.CodeInvalid, field: "miniprogram.appid", detail: "is required"},
	{name: "mini program in WeChat's spelling", contentType: asForm, body: `actid=42&appid=wx01&miniprogram[appId]=wx02`, status: 422, code: pushd.CodeInvalid, field: "miniprogram.appId", detail: "it is called appid"},
	{name: "mini program as text", body: with(`"miniprogram":"wx02"`), status: 422, code: pushd.CodeInvalid, field: "miniprogram", detail: "must be an object"},
	{name: "data a list", body: with(`"data":["a"]`), status: 422, code: pushd.CodeInvalid, field: "data", detail: "must be an object"},
	{name: "data key with a dot", body: with(`"data":{"thing1.DATA":"a"}`), status: 422, code: pushd.CodeInvalid, field: "data", detail: "field name"},
	{name: "data key of 33 letters", body: with(`"data":{"` + strings.Repeat("a", 33) + `":"a"}`), status: 422, code: pushd.CodeInvalid, field: "data"},
	{name: "data without a key in a form", contentType: asForm, body: `actid=42&appid=wx01&data[]=a`, status: 422, code: pushd.CodeInvalid, field: "data"},
	{name: "data value null", body: with(`"data":{"thing1":null}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1", detail: "must be text"},
	{name: "data value empty", body: with(`"data":{"thing1":{"value":""}}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1.value", detail: "must not be empty"},
	{name: "data value true", body: with(`"data":{"thing1":true}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1"},
	{name: "data value of 2001 characters", body: with(`"data":{"thing1":"` + strings.Repeat("播", 2001) + `"}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1", detail: "2000"},
	{name: "data value without value", body: with(`"data":{"thing1":{}}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1.value", detail: "is required"},
	{name: "data key twice", body: with(`"data":{"thing1":"a","thing1":"b"}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1", detail: "given twice"},
	{name: "data key both ways in a form", contentType: asForm, body: `actid=42&appid=wx01&data[thing1]=a&data[thing1][value]=b`, status: 422, code: pushd.CodeInvalid, field: "data.thing1", detail: "given twice"},
	{name: "data nested too deeply in a form", contentType: asForm, body: `actid=42&appid=wx01&data[thing1][value][x]=b`, status: 422, code: pushd.CodeInvalid, field: "data.thing1.value.x"},
	{name: "data with a placeholder that is none", body: with(`"data":{"thing1":"{{标题}}"}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1", detail: "unknown placeholder {{标题}}"},
	{name: "data with an open placeholder", body: with(`"data":{"thing1":{"value":"{{title"}}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1.value", detail: "unknown placeholder {{title"},
	{name: "data with the template's own mark", contentType: asForm, body: `actid=42&appid=wx01&data[thing1]={{thing1.DATA}}`, status: 422, code: pushd.CodeInvalid, field: "data.thing1", detail: "template's own mark"},
	{name: "data with wide braces", body: with(`"data":{"thing1":"｛｛title｝｝"}`), status: 422, code: pushd.CodeInvalid, field: "data.thing1", detail: "unknown placeholder"},
	{name: "url with a placeholder that is none", body: with(`"url":"https://a.example/?t={{Title}}"`), status: 422, code: pushd.CodeInvalid, field: "url", detail: "unknown placeholder {{Title}}"},
	{name: "pagepath with a placeholder that is none", body: with(`"miniprogram":{"appid":"wx02","pagepath":"p?t={{id}}"}`), status: 422, code: pushd.CodeInvalid, field: "miniprogram.pagepath", detail: "unknown placeholder {{id}}"},
	{name: "data with 51 fields", body: with(`"data":{` + manyFields(51) + `}`), status: 422, code: pushd.CodeInvalid, field: "data", detail: "50"},
	{name: "deadline in milliseconds", body: with(`"deadline":1772368200000`), status: 422, code: pushd.CodeInvalid, field: "deadline", detail: "milliseconds"},
	{name: "deadline a duration", body: with(`"deadline":1800`), status: 422, code: pushd.CodeInvalid, field: "deadline", detail: "not a duration"},
	{name: "deadline a date", body: with(`"deadline":"2026-03-01 20:00"`), status: 422, code: pushd.CodeInvalid, field: "deadline", detail: "whole number"},
	{name: "rate 0", body: with(`"rate":0`), status: 422, code: pushd.CodeInvalid, field: "rate", detail: "from 1 to 100000"},
	{name: "rate too high", body: with(`"rate":"100001"`), status: 422, code: pushd.CodeInvalid, field: "rate"},
	{name: "restart in words", body: with(`"restart":"yes"`), status: 422, code: pushd.CodeInvalid, field: "restart", detail: "true or false"},
	{name: "dryRun 2", body: with(`"dryRun":2`), status: 422, code: pushd.CodeInvalid, field: "dryRun"},
	{name: "continue and restart", body: with(`"continue":true,"restart":"1"`), status: 422, code: pushd.CodeInvalid, field: "restart", detail: "exclude each other"},

	// The other calls.
	{name: "pause with a field", path: "/v1/jobs/" + theJob + "/pause", body: `{"why":"lunch"}`, status: 422, code: pushd.CodeInvalid, field: "why", detail: "this call takes none"},
	{name: "retry in words", path: "/v1/jobs/" + theJob + "/retry", body: `{"acceptDuplicates":"sure"}`, status: 422, code: pushd.CodeInvalid, field: "acceptDuplicates"},
	{name: "patch of nothing", method: "PATCH", path: "/v1/jobs/" + theJob, body: `{}`, status: 422, code: pushd.CodeInvalid, detail: "give rate, deadline, or what is to be sent"},
	{name: "patch of the state", method: "PATCH", path: "/v1/jobs/" + theJob, body: `{"state":"paused"}`, status: 422, code: pushd.CodeInvalid, field: "state"},
	{name: "patch of a negative rate", method: "PATCH", path: "/v1/jobs/" + theJob, contentType: asForm, body: `rate=-1`, status: 422, code: pushd.CodeInvalid, field: "rate"},
	{name: "list of an unknown state", method: "GET", path: "/v1/jobs?state=running,done", status: 422, code: pushd.CodeInvalid, field: "state", detail: "queued"},
	{name: "list of channel x", method: "GET", path: "/v1/jobs?actid=x", status: 422, code: pushd.CodeInvalid, field: "actid"},
	{name: "list of an odd appid", method: "GET", path: "/v1/jobs?appid=%27", status: 422, code: pushd.CodeInvalid, field: "appid"},
	{name: "list since yesterday", method: "GET", path: "/v1/jobs?since=yesterday", status: 422, code: pushd.CodeInvalid, field: "since", detail: "RFC 3339"},
	{name: "list since milliseconds", method: "GET", path: "/v1/jobs?since=1772368200000", status: 422, code: pushd.CodeInvalid, field: "since"},
	{name: "list of 201", method: "GET", path: "/v1/jobs?limit=201", status: 422, code: pushd.CodeInvalid, field: "limit", detail: "from 1 to 200"},
	{name: "list whose condition is behind a semicolon", method: "GET", path: "/v1/jobs?limit=5;state=failed", status: 422, code: pushd.CodeInvalid, detail: "& between two"},
	{name: "events with a broken escape", method: "GET", path: "/v1/events?appid=%zz", status: 422, code: pushd.CodeInvalid, detail: "escape"},
	{name: "recipients with a broken escape", method: "GET", path: "/v1/jobs/" + theJob + "/recipients?outcome=failed%", status: 422, code: pushd.CodeInvalid, detail: "escape"},
	{name: "list of 0", method: "GET", path: "/v1/jobs?limit=0", status: 422, code: pushd.CodeInvalid, field: "limit"},
	{name: "list with an odd cursor", method: "GET", path: "/v1/jobs?cursor=%00", status: 422, code: pushd.CodeInvalid, field: "cursor"},
	{name: "list with an unknown parameter", method: "GET", path: "/v1/jobs?status=running", status: 422, code: pushd.CodeInvalid, field: "status", detail: "known are state"},
	{name: "list with a parameter twice", method: "GET", path: "/v1/jobs?state=running&state=parked", status: 422, code: pushd.CodeInvalid, field: "state", detail: "given twice"},
	{name: "failures of the sent", method: "GET", path: "/v1/jobs/" + theJob + "/failures?outcome=sent", status: 422, code: pushd.CodeInvalid, field: "outcome", detail: "failed"},
	{name: "failures as XLS", method: "GET", path: "/v1/jobs/" + theJob + "/failures?format=xls", status: 422, code: pushd.CodeInvalid, field: "format"},
	{name: "job that can't be", method: "GET", path: "/v1/jobs/K3V9", status: 404, code: pushd.CodeJobNotFound},
	{name: "command to a job that can't be", path: "/v1/jobs/x'--/cancel", status: 404, code: pushd.CodeJobNotFound},
	{name: "openid that can't be", method: "GET", path: "/v1/jobs/" + theJob + "/recipients/o%2f", status: 404, code: codeRecipientNotFound},
	{name: "no such address", method: "GET", path: "/v2/jobs", status: 404, code: codeNotFound},
	{name: "an address with a slash too many", method: "GET", path: "/v1/jobs/", status: 404, code: codeNotFound},
	{name: "a method that is not taken", method: "DELETE", path: "/v1/jobs/" + theJob, status: 405, code: codeMethodNotAllowed},
	{name: "pause by GET", method: "GET", path: "/v1/jobs/" + theJob + "/pause", status: 405, code: codeMethodNotAllowed},
}

func manyFields(n int) string {
	var fields []string
	for i := range n {
		fields = append(fields, fmt.Sprintf(`"thing%d":"a"`, i))
	}
	return strings.Join(fields, ",")
}

// line is the request line, and the content type.
func (b bad) line() (method, path, contentType string) {
	method, path, contentType = b.method, b.path, b.contentType
	if method == "" {
		method = "POST"
	}
	if path == "" {
		path = "/v1/jobs"
	}
	switch contentType {
	case "":
		contentType = asJSON
	case "-":
		contentType = ""
	}
	return method, path, contentType
}

func TestServer_BadRequests(t *testing.T) {
	for _, b := range badRequests {
		t.Run(b.name, func(t *testing.T) {
			w := newWorld()
			w.control = fakeControl{} // whatever gets through panics, which is 500
			method, path, contentType := b.line()
			rec := w.serve(request(method, path, contentType, b.body))
			if d := wantProblem(t, rec, b.status, b.code, b.field); !strings.Contains(d.Detail, b.detail) {
				t.Errorf("detail %q, want it to say %q", d.Detail, b.detail)
			}
		})
	}
}

func TestServer_MethodNotAllowedSaysWhich(t *testing.T) {
	rec := newWorld().serve(request("DELETE", "/v1/jobs/"+theJob, "", ""))
	if allow := rec.Header().Get("Allow"); !strings.Contains(allow, "PATCH") || !strings.Contains(allow, "GET") {
		t.Errorf("Allow is %q", allow)
	}
}
