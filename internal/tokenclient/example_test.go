package tokenclient_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"pushd/internal/tokenclient"
)

// A sender asks for a token, says whether WeChat took it, and is given another
// one if not. PHP is told which was refused.
func Example() {
	php := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := "first"
		if r.FormValue("rejected") != "" {
			token = "second"
		}
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, token)
	}))
	defer php.Close()
	client, err := tokenclient.New(tokenclient.Options{
		URL: php.URL + "/token.php", Key: "PHP-has-the-same-key", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	ctx := context.Background()
	const account, channel = "wx0123456789abcdef", 42
	token, err := client.Token(ctx, account, channel)
	fmt.Println(token, err)
	client.Worked(account, token) // a message was accepted

	// Everybody whose send was refused asks; PHP is asked once.
	token, err = client.Refused(ctx, account, channel, token)
	fmt.Println(token, err)
	fmt.Println(client.Counts().Asks)
	// Output:
	// first <nil>
	// second <nil>
	// 2
}
