package pushd

// Why is the reason of a refusal as a word that never changes, with the figures
// and names that belong to it: for programs that word it for their own users. The
// zero value says that the code says it all.
type Why struct {
	Word   WhyWord
	Params map[string]string
}

// WhyWord is the stable word of a Why, as in api/openapi.yaml.
type WhyWord string

// The words, with their parameters.
const (
	WhyRequired    WhyWord = "required"     // the field must be there
	WhyMalformed   WhyWord = "malformed"    // want: what it must be: text, number, boolean, object, name, url, path, …
	WhyOutOfRange  WhyWord = "out_of_range" // low, high
	WhyTooLong     WhyWord = "too_long"     // limit, and have where it is known: characters
	WhyTooMany     WhyWord = "too_many"     // limit
	WhyUnknown     WhyWord = "unknown_field"
	WhyEmpty       WhyWord = "empty"               // WeChat refuses empty values
	WhyInvisible   WhyWord = "invisible"           // only characters that WeChat does not show
	WhyPlaceholder WhyWord = "unknown_placeholder" // found
	WhyMisplaced   WhyWord = "template_mark"       // found: {{….DATA}}, which belongs into content
	WhyNoSuchField WhyWord = "no_such_field"       // fields: those of the template
	WhyFieldLacks  WhyWord = "field_missing"       // key, label
	WhyContent     WhyWord = "content_needed"      // WeChat does not list the template
	WhyUnfit       WhyWord = "unfit"               // type, and value where it was made from placeholders
	WhyLacking     WhyWord = "channel_lacks"       // what: title, startTime, minutes, url
	WhyUnshown     WhyWord = "channel_invisible"   // what: as above; none of its characters is shown
	WhyUnfillable  WhyWord = "nothing_to_fill"     // key
	WhyWeChat      WhyWord = "wechat"              // errcode: WeChat's answer
)

// Because is a reason with its parameters: name, value, name, value.
func Because(word WhyWord, params ...string) Why {
	w := Why{Word: word}
	for i := 0; i+1 < len(params); i += 2 {
		if w.Params == nil {
			w.Params = map[string]string{}
		}
		w.Params[params[i]] = params[i+1]
	}
	return w
}
